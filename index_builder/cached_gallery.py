"""The page's own gallery of a folder: made anew when the folder no longer holds what was taken from it.

An import only adds. What was deleted or changed in the folder since, a label or a caption too, would be shown as it
was, and pictures that were taken in without a judge would stay not judged where it can be opened now.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safeclip.runtime.atomic_files import write_atomically

from .sources import split_spec
from .sources.base import printable

TAKEN = "taken.json"  # in the gallery: the folder's files as they were, and the judges


def state_of_source(source: str, judges: Sequence[str]) -> dict[str, Any]:
    """The judges' names, and size and time of change of each file below the folder; of another source no files."""
    place = Path(split_spec(source)[1])
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else []
    stats = {printable(str(path.relative_to(place))): path.stat() for path in files}
    return {
        "judges": list(judges),
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
    }


def remove_outdated(gallery: Path, state: dict[str, Any]) -> bool:
    """Removes a gallery whose source had files or judges that `state` lacks or has otherwise. Returns whether it did.

    Files that have come do not matter. A gallery that does not say what was taken stays.
    """
    try:
        taken = json.loads((gallery / TAKEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if taken["judges"] == state["judges"] and taken["files"].items() <= state["files"].items():
        return False
    shutil.rmtree(gallery)
    return True


def note_taken(gallery: Path, state: dict[str, Any]) -> None:
    """Writes down what a gallery was taken from."""
    write_atomically(gallery / TAKEN, json.dumps(state).encode())
