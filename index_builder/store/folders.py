"""Whole folders: made durable, exchanged, locked against a second build, and on disks that are full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from safeclip.runtime.atomic_files import sync_file, sync_folder

from ..errors import BuildError, BusyError

CAN_LOCK = find_spec("fcntl") is not None  # not on Windows
# Errors of a disk, unlike those of a program, and what to do: no room, no quota, too large, failing; no leave to write.
_OF_THE_DISK = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO), "make room"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "allow writing there"),
}


@contextmanager
def reporting_disk(folder: Path, kept: str) -> Iterator[None]:
    """Turns an error of the disk inside the block into a BuildError; `kept` says what of the work is not lost."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise BuildError(
            f"{error.filename or folder} cannot be written to ({error.strerror}). {kept}: "
            f"{_OF_THE_DISK[error.errno]}, then give the same command again."
        ) from error


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, unless it is there. Raises BuildError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"The folder {folder} cannot be made ({error.strerror}). Name another one.") from error


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

    Raises BusyError when another process holds it.
    """
    if not CAN_LOCK:
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError(f"Another build is writing to {folder}: wait for it, or end it.") from error
        yield
    finally:
        os.close(handle)
