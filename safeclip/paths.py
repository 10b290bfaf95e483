"""Where the relative paths of a profile start on this machine."""

import os
from pathlib import Path


def root() -> Path:
    """Where the relative paths of a profile start: `$SAFECLIP_ROOT`, or else the parent of this package."""
    return Path(os.environ.get("SAFECLIP_ROOT") or Path(__file__).parent.parent)


def resolve(path: str | Path) -> Path:
    """A path as it stands in a profile → where it is on this machine."""
    return root() / Path(path).expanduser()
