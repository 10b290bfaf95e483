"""Changes of tombstones, the ids that stay out of the indexes although the gallery still holds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from safeclip.retrieval.stores.tombstones import NAME, read_tombstones
from safeclip.runtime.atomic_files import write_atomically

from ..errors import BuildError


def change_tombstones(
    output: Path, is_known: Callable[[str], bool], remove: Iterable[str], restore: Iterable[str]
) -> list[str]:
    """Removes and restores ids, writes the file, and returns the ids that are removed now.

    An id to restore that was not removed stays as it is, so that a stopped call can be given again. Raises BuildError
    for an id that is not known.
    """
    removed, remove, restore = set(read_tombstones(output)), set(remove), set(restore)
    if strange := sorted(id for id in remove | (restore - removed) if not is_known(id)):
        raise BuildError(f"The gallery has no {', '.join(strange)}. An id is 16 hex digits, of an image or a caption.")
    if remove or restore:
        removed = (removed | remove) - restore
        _write(output, removed)
    return sorted(removed)


def forget(output: Path, ids: Iterable[str]) -> None:
    """Takes ids out of the list that the gallery does not hold any more."""
    removed = set(read_tombstones(output))
    if gone := removed.intersection(ids):
        _write(output, removed - gone)


def _write(output: Path, removed: Iterable[str]) -> None:
    write_atomically(Path(output) / NAME, json.dumps({"removed": sorted(removed)}, indent=1).encode() + b"\n")
