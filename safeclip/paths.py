"""Locations of the files that profiles name by relative paths."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSTALLED_ZOO = _PACKAGE.with_name("safeclip_zoo")  # beside this package in site-packages; a checkout has none
INSTALLED = _INSTALLED_ZOO.is_dir()


def root() -> Path:
    """Folder where the relative paths of a profile start.

    `$SAFECLIP_ROOT` when it is set, else the checkout that holds this package, else (for an installed package) the
    working directory.
    """
    if named := os.environ.get("SAFECLIP_ROOT"):
        return Path(named)
    return Path.cwd() if INSTALLED else _PACKAGE.parent


def resolve(path: str | Path) -> Path:
    """Location on this machine of a path that stands in a profile, whether or not anything is there.

    For an installed package, "zoo/…" is a file of the installed zoo wherever that holds it.
    """
    path = Path(os.path.expanduser(path))  # which leaves the name of no user as it is
    if path.parts[:1] == ("zoo",) and not os.environ.get("SAFECLIP_ROOT"):
        installed = _INSTALLED_ZOO.joinpath(*path.parts[1:])
        if installed.exists():
            return installed
    return root() / path
