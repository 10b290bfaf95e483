"""Whole folders: made durable, exchanged, and locked against a second build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safeclip.runtime.atomic_files import sync_file, sync_folder

from ..errors import BuildError

try:
    import fcntl
except ImportError:  # Windows: no lock
    fcntl = None


def sync_tree(folder: Path) -> None:
    """fsync every file of a folder (not recursive) that some other code wrote, then the folder."""
    for path in sorted(Path(folder).iterdir()):
        if path.is_file():
            sync_file(path)
    sync_folder(folder)


def swap_folder(new: Path, target: Path) -> None:
    """Put the finished folder `new` in the place of `target`, dropping what was there.

    Two renames, as no portable call exchanges folders; a crash between them is mended by `mend_swap`.
    """
    old = _old(target)
    if target.exists():
        os.rename(target, old)
    os.rename(new, target)
    sync_folder(target.parent)
    if old.exists():
        shutil.rmtree(old)


def mend_swap(target: Path) -> None:
    """Finish or undo a `swap_folder` that was cut short: `target` is then the old or the new, whole."""
    old = _old(target)
    if not old.exists():
        return
    if target.exists():
        shutil.rmtree(old)
    else:
        os.rename(old, target)


def _old(target: Path) -> Path:
    return target.with_name(target.name + ".old")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder` for one process: BuildError when another has it. Freed when the holder dies."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BuildError(f"Another build is writing to {folder}: wait for it, or end it.") from error
        yield
    finally:
        os.close(handle)
