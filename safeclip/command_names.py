"""Names of the commands, for messages: the installed ones, or in a checkout those that need no installation."""

import shlex
from pathlib import Path

from .paths import INSTALLED

PAGE = "safeclip-demo" if INSTALLED else "python app.py"
INDEXER = "safeclip-index" if INSTALLED else "python -m index_builder"


def indexing(output: Path | None = None, gallery: Path | None = None) -> str:
    """The command that indexes a gallery into `output`, by default those of the profile, whose name is left open."""
    places = (("--gallery", gallery), ("--output", output))
    flags = "".join(f" {flag} {shlex.quote(str(place))}" for flag, place in places if place is not None)
    return f"{INDEXER} --profile NAME{flags}, NAME being the name or the file of the profile in use."


def rebuild(output: Path | None = None, gallery: Path | None = None) -> str:
    """A sentence on how to build the indexes in `output` again; see `indexing`."""
    return f"Build the index again: {indexing(output, gallery)}"


REBUILD = rebuild()
