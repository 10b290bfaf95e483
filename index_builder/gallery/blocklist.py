"""Blocklist: hashes of images that are dropped before anything of them is stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from safeclip.hashing import content_id

from ..errors import BuildError

# Hex digits of a hash → how it is computed of an image's bytes.
_ALGORITHMS: dict[int, Callable[[bytes], str]] = {
    16: content_id,
    32: lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    40: lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    64: lambda data: hashlib.sha256(data).hexdigest(),
}


class Blocklist:
    """Hashes of a file, one a line: content ids (16 hex digits), MD5, SHA-1 or SHA-256. `#` begins a comment."""

    def __init__(self, path: Path | None = None):
        """Raises BuildError for a file that cannot be read and a line that is no hash."""
        self._hashes: dict[int, set[str]] = {}
        for number, line in enumerate(_lines(path) if path else [], start=1):
            digest = line.partition("#")[0].strip().lower()
            if not digest:
                continue
            if len(digest) not in _ALGORITHMS or not re.fullmatch("[0-9a-f]+", digest):
                raise BuildError(
                    f"{path}, line {number}: {digest!r} is no hash. A line holds a content id (16 hex digits), "
                    "MD5 (32), SHA-1 (40) or SHA-256 (64)."
                )
            self._hashes.setdefault(len(digest), set()).add(digest)

    def __contains__(self, data: bytes) -> bool:
        """Whether the hash of these bytes is on the list, by any of its algorithms."""
        return any(_ALGORITHMS[digits](data) in known for digits, known in self._hashes.items())


def _lines(path: Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: the blocklist cannot be read ({error}).") from error
