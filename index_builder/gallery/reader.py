"""Reads rows of a gallery by their number; travels to the workers of an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.errors import GalleryError
from safeclip.hashing import content_id

_READ_ROWS = 64
# A row group of at most this size stays in memory until a thread needs another.
KEPT_BYTES = 128 << 20
_kept = threading.local()
_COLUMNS_OF = {"images": ("image_id", "image"), "captions": ("caption_id", "caption")}


@dataclass(frozen=True)
class Row:
    """One thing to embed: `content` is an encoded image or a caption, `None` when the gallery holds none.

    `source` is its place in the gallery, for messages.
    """

    id: str
    source: str
    content: bytes | str | None

    @property
    def fault(self) -> str:
        """The reason why the content does not match the id, or "" when it does."""
        if self.content is None:
            return "the row has no content"
        if (found := content_id(self.content)) != self.id:
            return f"the content hashes to {found}, not to its id: the row is damaged"
        return ""


@dataclass(frozen=True, eq=False)
class GalleryReader:
    """Reads rows, numbered through all files of a gallery. Several threads may call it, and it can be pickled.

    Row group i is number `group_in_file[i]` of `files[file_of[i]]` and begins with row `starts[i]`; `starts` ends with
    the number of rows. `file_starts` are the numbers of each file's first row.
    """

    files: tuple[Path, ...]
    file_of: np.ndarray
    group_in_file: np.ndarray
    starts: np.ndarray
    file_starts: np.ndarray

    @classmethod
    def open(cls, files: list[Path]) -> Self:
        """Reads the footers of the files. Raises GalleryError."""
        places, sizes, file_sizes = [], [], []
        for number, path in enumerate(files):
            with reading(path) as file:
                places += [(number, group) for group in range(file.num_row_groups)]
                sizes += [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
                file_sizes.append(file.metadata.num_rows)
        file_of, group_in_file = np.array(places, np.int64).reshape(-1, 2).T
        return cls(tuple(files), file_of, group_in_file, _starts(sizes), _starts(file_sizes))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def read(self, modality: str, rows: np.ndarray) -> Iterator[Row]:
        """The rows with these numbers (n,), ascending, with their content of `modality`. Raises GalleryError."""
        groups = np.searchsorted(self.starts, rows, side="right") - 1
        for group in np.unique(groups).tolist():
            file, chosen = int(self.file_of[group]), rows[groups == group]
            path, first = self.files[file], int(self.file_starts[file])
            places = (chosen - self.starts[group]).tolist()
            taken = _take(path, int(self.group_in_file[group]), _COLUMNS_OF[modality], places)
            for row, (id, content) in zip(chosen.tolist(), taken, strict=True):
                yield Row(id, f"{path.name} row {row - first}", content)


@contextmanager
def reading(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file; turns Arrow's errors inside the block into a GalleryError that names the file."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise GalleryError(f"{path}: the gallery cannot be read ({error}). Fetch or import it again.") from error


def _starts(sizes: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def _take(
    path: Path, group: int, columns: tuple[str, str], places: list[int]
) -> Iterator[tuple[str, bytes | str | None]]:
    """Id and content of the rows at `places`, ascending, of one row group."""
    with reading(path) as file:
        key = (path, path.stat().st_ino, path.stat().st_mtime_ns, group, columns)
        if getattr(_kept, "key", None) == key:
            yield from _at(_kept.table, columns, places)
        elif file.metadata.row_group(group).total_byte_size <= KEPT_BYTES:
            _kept.key, _kept.table = key, file.read_row_group(group, columns=list(columns))
            yield from _at(_kept.table, columns, places)
        else:
            start = 0
            for batch in file.iter_batches(_READ_ROWS, row_groups=[group], columns=list(columns)):
                here = [place - start for place in places if start <= place < start + len(batch)]
                yield from _at(pa.Table.from_batches([batch]), columns, here)
                start += len(batch)


def _at(table: pa.Table, columns: tuple[str, str], places: list[int]) -> Iterator[tuple[str, bytes | str | None]]:
    ids, contents = (table[name] for name in columns)
    for place in places:
        value = contents[place].as_py()
        yield ids[place].as_py(), value["bytes"] if isinstance(value, dict) else value
