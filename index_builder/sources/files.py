"""Files that a source is made of: which ones a place names, and a fingerprint of their state."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import BuildError

_NUMBERS = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST = 100_000  # files of a range
_NAMED = 5  # missing files that a message names

# Suffixes of images, those that a sample's image has most often first. HEIC, which phones write, is not decoded: it is
# listed, so that the quarantine tells of it.
IMAGES = ("jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "ppm", "jfif", "jpe", "heic", "heif")
SHARDS = (".tar", ".tar.gz", ".tgz")
_DOTTED = frozenset(f".{suffix}".encode() for suffix in IMAGES)


def find_files(place: str, suffixes: Sequence[str]) -> list[Path]:
    """The files of `place` in the order of their names.

    A place is a file, a folder (its files with one of the `suffixes`, sub-folders included), a pattern such as
    `shards/*.tar`, or a range of numbers such as `shards/{00000..00011}.tar`. Raises BuildError when there are none,
    not all of a range, or too many of one.
    """
    path = Path(place)
    if path.is_dir():
        found = [file for file in path.rglob("*") if has_suffix(file, suffixes) and file.is_file()]
    elif path.is_file():
        found = [path]
    else:
        names = _expand(place)
        found = [Path(name) for one in names for name in glob.glob(one, recursive=True)]
        if found and not glob.has_magic(place):
            _require_all(place, names)
    if not found:
        raise BuildError(f"{place}: there is no file with {' or '.join(suffixes)} here.")
    return sorted(found)


def has_suffix(file: Path, suffixes: Iterable[str]) -> bool:
    """Whether a file's name ends in one of the suffixes, which may have several parts, as .tar.gz."""
    return file.name.lower().endswith(tuple(suffixes))


def is_image(name: str | bytes) -> bool:
    """Whether a file's name has the suffix of an image."""
    return os.path.splitext(os.fsencode(name))[1].lower() in _DOTTED


def state_of(files: Iterable[Path], top: Path | None = None) -> str:
    """Hash over name, size and time of change of the files, named from `top` on where it is given."""
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        name = file.relative_to(top) if top else file
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _require_all(place: str, names: list[str]) -> None:
    if missing := [name for name in names if not Path(name).exists()]:
        named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
        raise BuildError(
            f"{place}: {len(missing):,} of these {len(names):,} files are missing: {named}. "
            "Fetch them, or name those that are there by a pattern such as shards/*.tar."
        )


def _expand(place: str) -> list[str]:
    """The names that a range of numbers in braces stands for, with leading zeros as in its first number.

    Raises BuildError for a range that is empty or too long.
    """
    match = _NUMBERS.search(place)
    if match is None:
        return [place]
    first, last = match.groups()
    numbers = range(int(first), int(last) + 1)
    if not 0 < len(numbers) <= _MOST:
        raise BuildError(
            f"{place}: {match[0]} is no range of 1 to {_MOST:,} files. The lesser number stands first; for more, name "
            "the folder or a pattern such as shards/*.tar."
        )
    names = []
    for number in numbers:
        names += _expand(f"{place[: match.start()]}{number:0{len(first)}d}{place[match.end() :]}")
    return names
