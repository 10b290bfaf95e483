"""Writes gallery rows as Parquet, a group of rows in memory at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.runtime.atomic_files import TEMPORARY, replacing

from .schema import SCHEMA

# A group of rows is what the writer holds in memory, and what the page reads to show one image.
GROUP_ROWS, GROUP_BYTES = 128, 4 << 20
PART_ROWS, PART_BYTES = 4096, 400 << 20


class PartWriter:
    """One Parquet file that appears at `path` when it is finished. `rows` counts what it holds so far."""

    def __init__(self, path: Path):
        self.path = path
        self.rows = 0
        self._bytes = 0
        self._group: list[dict[str, Any]] = []
        self._group_bytes = 0
        self._unfinished = path.with_name(path.name + ".part" + TEMPORARY)
        self._file: pq.ParquetWriter | None = None

    @property
    def full(self) -> bool:
        return self.rows >= PART_ROWS or self._bytes >= PART_BYTES

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row of the gallery's schema. Raises OSError when it cannot be written."""
        self._group.append(row)
        self.rows += 1
        self._group_bytes += len(row["image"]["bytes"])
        if len(self._group) >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        """Makes the file durable under its name; without rows there is none. Raises OSError."""
        self._write_group()
        if self._file is not None:
            self._file.close()
            with replacing(self.path) as temporary:
                self._unfinished.replace(temporary)

    def discard(self) -> None:
        """Closes and removes what was written."""
        if self._file is not None:
            with suppress(OSError):  # the disk that could not take the rows cannot take the footer either
                self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def _write_group(self) -> None:
        if not self._group:
            return
        if self._file is None:
            self._file = pq.ParquetWriter(self._unfinished, SCHEMA)
        self._file.write_table(pa.Table.from_pylist(self._group, SCHEMA))
        self._bytes += self._group_bytes
        self._group, self._group_bytes = [], 0
