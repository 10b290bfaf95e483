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
    """Makes every file of a folder (not recursive) durable, then the folder."""
    for path in sorted(Path(folder).iterdir()):
        if path.is_file():
            sync_file(path)
    sync_folder(folder)


def swap_folder(new: Path, target: Path) -> None:
    """Puts the finished folder `new` in the place of `target` and removes the old one.

    Two renames, because no portable call exchanges folders; `repair_swap` repairs a crash between them.
    """
    old = _old(target)
    if target.exists():
        os.rename(target, old)
    os.rename(new, target)
    sync_folder(target.parent)
    if old.exists():
        shutil.rmtree(old)


def repair_swap(target: Path) -> None:
    """Finishes or undoes an interrupted `swap_folder`, so that `target` is the old or the new folder, whole."""
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
    """Locks `folder` for this process until the block ends or the process dies.

    Raises BuildError when another process holds it.
    """
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
