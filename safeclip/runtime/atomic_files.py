"""Files that appear whole or not at all, even after a power cut: written beside their place, fsynced, renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Ends the name of a file that is not finished. A reader ignores such files and a writer overwrites them.
TEMPORARY = ".tmp"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which replaces `path` durably when the block ends without an error.

    After an error `path` is as it was and the temporary file is gone; a process killed inside leaves the temporary
    file behind.
    """
    path = Path(path)
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        yield temporary
        sync_file(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Writes `data` to `path`; readers see the old file or the whole new one."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sync_file(path: str | Path) -> None:
    """Makes the content of a finished file durable."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: str | Path) -> None:
    """Makes new names and renames in `folder` durable; does nothing on Windows, which cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
