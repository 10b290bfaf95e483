"""Entry points of the installed commands `safeclip-demo`, `safeclip-index` and `safeclip-train`.

The packages behind them are imported by name when a command runs, so that the library itself depends on none of them.
"""

import importlib
import sys
from typing import Any

# Modules that come with an extra, not with the library itself.
_EXTRA_OF = {
    "gradio": "demo",
    "pymilvus": "scale",
    "ray": "scale",
    "webdataset": "scale",
    "datasets": "train",
    "matplotlib": "train",
    "resvg_py": "train",
    "sacrebleu": "train",
    "scipy": "train",
    "torchmetrics": "train",
    "trl": "train",
}


def demo() -> int:
    """Serves the page. Returns the exit status."""
    return _run("safeclip-demo", "safeclip_demo.cli", make_index=_make_index)


def index() -> int:
    """Builds or verifies the indexes of a gallery. Returns the exit status."""
    return _run("safeclip-index", "safeclip_index.cli")


def train() -> int:
    """Trains or evaluates a model by a recipe. Returns the exit status."""
    return _run("safeclip-train", "safeclip_train.cli")


def _make_index(*arguments: Any) -> None:
    """Makes the index of a page that lacks one."""
    importlib.import_module("safeclip_index.first_start").make_index(*arguments)


def _run(command: str, module: str, **options: Any) -> int:
    """Runs `main(program=command)` of `module`; a missing library of an extra is one line on standard error."""
    try:
        return importlib.import_module(module).main(program=command, **options)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA_OF:
            raise
        print(
            f"{command}: {missing} is not installed: pip install 'safeclip-lab[{_EXTRA_OF[missing]}]'", file=sys.stderr
        )
        return 1
