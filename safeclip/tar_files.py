"""Damage in the midst of a tar file, which tarfile takes for its end."""

import tarfile
from typing import IO, cast

_CHUNK = 1 << 20  # bytes


def damage_behind(archive: tarfile.TarFile) -> str:
    """Says that more follows where tarfile, at its end of the archive, found no header; "" where only zeros do.

    The archive must be one that can be seeked. Raises OSError when it cannot be read.
    """
    file = cast(IO[bytes], archive.fileobj)
    file.seek(archive.offset)
    more = any(chunk.strip(b"\0") for chunk in iter(lambda: file.read(_CHUNK), b""))
    return f"byte {archive.offset:,} begins no file, and more follows" if more else ""
