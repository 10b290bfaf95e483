"""Reads image files, and says in a few words why one cannot be read."""

from __future__ import annotations

import errno
import os
import stat

from safeclip.errors import short_reason


def read_file(path: str | bytes | os.PathLike) -> bytes:
    """The bytes of a regular file. Raises OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for a writer for ever
        raise OSError(errno.EINVAL, "it is not a regular file")
    with open(path, "rb") as file:
        return file.read()


def read_image(path: str | bytes | os.PathLike) -> tuple[bytes | None, str]:
    """The bytes of a file and "", or None and the reason why there are none."""
    try:
        return read_file(path), ""
    except OSError as error:
        return None, reason(error)
    except ValueError:  # a zero byte, or half of a surrogate pair
        return None, "cannot be read: no file can have this name"


def reason(error: OSError) -> str:
    """An OSError as the fault of an item."""
    return f"cannot be read: {short_reason(error)}"
