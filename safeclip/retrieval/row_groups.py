"""Row groups of a gallery's Parquet files: where a row lies, and reading it without reading the file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import GalleryError

_SLICE_ROWS = 64


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Row groups of `files`, whose rows are numbered through. It holds no rows, so it is small and can be pickled.

    Group i is number `group_in_file[i]` of `files[file_of[i]]`, begins with row `starts[i]` and takes about `sizes[i]`
    bytes in memory; `starts` ends with the number of rows. `file_starts` are the numbers of each file's first row.
    """

    files: tuple[Path, ...]
    file_of: np.ndarray
    group_in_file: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    file_starts: np.ndarray

    @classmethod
    def open(cls, files: Sequence[Path]) -> Self:
        """Reads the footers of the files. Raises GalleryError."""
        places, rows, file_rows = [], [], []
        for number, path in enumerate(files):
            with reading(path) as file:
                groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
                places += [(number, group, each.total_byte_size) for group, each in enumerate(groups)]
                rows += [each.num_rows for each in groups]
                file_rows.append(file.metadata.num_rows)
        file_of, group_in_file, sizes = np.array(places, np.int64).reshape(-1, 3).T
        return cls(tuple(files), file_of, group_in_file, sizes, _starts(rows), _starts(file_rows))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def group_of(self, rows: np.ndarray | int) -> np.ndarray:
        """The groups (n,) that hold the rows with these numbers (n,), or that of one row."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def source(self, row: int) -> str:
        """The place of a row, for messages: its file, and its number there."""
        file = int(self.file_of[self.group_of(row)])
        return f"{self.files[file].name} row {row - self.file_starts[file]}"

    def state(self, group: int) -> tuple[Any, ...]:
        """A key of the group's content, which changes when its file is replaced. Raises GalleryError."""
        path = self.files[self.file_of[group]]
        try:
            status = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        return path, status.st_ino, status.st_mtime_ns, int(self.group_in_file[group])

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of one group. Raises GalleryError."""
        with reading(self.files[self.file_of[group]]) as file:
            return file.read_row_group(int(self.group_in_file[group]), columns=list(columns), use_threads=False)

    def take(self, group: int, columns: Sequence[str], places: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """The values of the rows at `places`, ascending, of one group, of which 64 rows are in memory at a time.

        Raises GalleryError.
        """
        with reading(self.files[self.file_of[group]]) as file:
            start, number = 0, int(self.group_in_file[group])
            for batch in file.iter_batches(_SLICE_ROWS, row_groups=[number], columns=list(columns)):
                here = [place - start for place in places if start <= place < start + len(batch)]
                yield from values_at(pa.Table.from_batches([batch]), columns, here)
                start += len(batch)
                if start > places[-1]:
                    return


def values_at(table: pa.Table, columns: Sequence[str], places: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """The values of some rows of a table; of an encoded image, its bytes."""
    chosen = [table[name] for name in columns]
    for place in places:
        values = (column[place].as_py() for column in chosen)
        yield tuple(value["bytes"] if isinstance(value, dict) else value for value in values)


@contextmanager
def reading(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file; turns Arrow's errors inside the block into a GalleryError that names the file."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, IndexError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> GalleryError:
    return GalleryError(f"{path}: the gallery cannot be read ({error}). Fetch or import it again.")


def _starts(sizes: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
