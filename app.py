"""Serves the page from a checkout; what a Space runs. `python app.py --help` lists what can be set."""

import sys
from typing import Any

from safeclip.commands import run


def make_index(*arguments: Any) -> None:
    """Makes the index of a page that lacks one; imported when it is called, so that --help need not wait for torch."""
    from index_builder.first_start import make_index as make

    make(*arguments)


if __name__ == "__main__":
    sys.exit(run("app.py", "demo.cli", make_index=make_index))
