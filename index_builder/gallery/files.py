"""File names inside a gallery, and the ids that its Parquet files hold."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.errors import GalleryError

QUARANTINE = "quarantine.jsonl"
SOURCES = "sources.jsonl"
CARD = "README.md"
PURGED = "blocklist.txt"  # ids of purged images, which no import takes again
_NUMBER = re.compile(r"test-(\d+)")


def part_files(gallery: Path) -> list[Path]:
    """The Parquet files of a gallery, in the order of its rows."""
    return sorted(gallery.glob("data/test-*.parquet"))


def numbered_part(gallery: Path, number: int) -> Path:
    """The path of the file that the importer writes at this place."""
    return gallery / "data" / f"test-{number:05d}.parquet"


def part_number(file: Path) -> int:
    """The number in the name of a gallery's file, -1 where it has none."""
    match = _NUMBER.match(file.name)
    return int(match[1]) if match else -1


def next_number(gallery: Path) -> int:
    """The first number that no file of a gallery has, nor any number behind it."""
    return 1 + max(map(part_number, part_files(gallery)), default=-1)


def read_ids(file: Path, column: str = "image_id") -> np.ndarray:
    """The content ids of a column as integers (n,) int64. Raises GalleryError."""
    try:
        ids = pq.read_table(file, columns=[column])[column]
        return np.array([int(id, 16) for id in ids.to_pylist()], np.int64)
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise GalleryError(f"{file}: the column {column} cannot be read ({error}).") from error
