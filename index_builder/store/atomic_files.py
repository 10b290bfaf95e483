"""Writing files that a crash cannot leave half written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BuildError

try:
    import fcntl
except ImportError:  # Windows: no lock
    fcntl = None

TEMPORARY = ".tmp"


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`: readers see the old file or the whole new one, even after a power cut."""
    path = Path(path)
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(data)
    settle(temporary, path)


def settle(temporary: Path, path: Path) -> None:
    """Give a finished file its final name: fsync, rename, fsync the folder so that the rename survives."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` durable."""
    if os.name == "nt":  # Windows opens no folders, and has no need of this
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """fsync every file of a folder (not recursive) that some other code wrote, then the folder."""
    for path in sorted(Path(folder).iterdir()):
        if path.is_file():
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
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
