"""Lists of image hashes: the blocklist of an import, and the images to remove."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from safeclip.errors import short_reason
from safeclip.hashing import content_id

from ..errors import BuildError

# Hex digits of a hash → how it is computed of an image's bytes.
_ALGORITHMS: dict[int, Callable[[bytes], str]] = {
    16: content_id,
    32: lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    40: lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    64: lambda data: hashlib.sha256(data).hexdigest(),
}
_CONTENT_ID = 16


class Hashes:
    """A set of content ids (16 hex digits), MD5, SHA-1 and SHA-256 sums; `in` asks for an image's bytes."""

    def __init__(self, lines: Iterable[str] = (), where: str = "") -> None:
        """Reads one hash a line, as `sha256sum` prints them too; `#` begins a comment.

        Raises BuildError, naming `where` and the line, for a line that holds no hash.
        """
        self._known: dict[int, set[str]] = {}
        for number, line in enumerate(lines, start=1):
            if not (words := line.partition("#")[0].split()):
                continue
            digest = words[0].lower()
            if len(digest) not in _ALGORITHMS or not re.fullmatch("[0-9a-f]+", digest):
                place = f"{where}, line {number}: " if where else ""
                raise BuildError(
                    f"{place}{words[0]!r} is no hash. Give a content id (16 hex digits), MD5 (32), SHA-1 (40) or "
                    "SHA-256 (64)."
                )
            self._known.setdefault(len(digest), set()).add(digest)

    @classmethod
    def read(cls, *paths: str | Path) -> Self:
        """Reads the hashes of several files. Raises BuildError for a file that cannot be read."""
        hashes = cls()
        for path in paths:
            try:
                lines = Path(path).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise BuildError(
                    f"{path}: the list of hashes cannot be read ({short_reason(error)}). Name a file of text in UTF-8, "
                    "with a hash a line."
                ) from error
            hashes.update(cls(lines, str(path)))
        return hashes

    def update(self, other: Hashes) -> None:
        for digits, digests in other._known.items():
            self._known.setdefault(digits, set()).update(digests)

    def __contains__(self, data: bytes) -> bool:
        """Whether the hash of these bytes is in the set, by any of its algorithms."""
        return any(_ALGORITHMS[digits](data) in digests for digits, digests in self._known.items())

    @property
    def ids(self) -> set[str]:
        """The content ids that the set names: those in it, and those that its SHA-256 sums begin with."""
        sums = {f"{int(digest[:16], 16) & (2**63 - 1):016x}" for digest in self._known.get(64, ())}
        return self._known.get(_CONTENT_ID, set()) | sums

    @property
    def need_bytes(self) -> bool:
        """Whether some of the hashes say nothing without the images' bytes: MD5 and SHA-1 sums."""
        return bool(self._known.keys() - {_CONTENT_ID, 64})
