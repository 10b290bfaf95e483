"""Source: Parquet files with encoded images in a column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .source import BATCH_ROWS, Table, TableSource


class ParquetSource(TableSource):
    """The rows of one Parquet file, or of those in a folder."""

    suffixes = (".parquet",)

    def open(self, path: Path) -> Table:
        return ParquetTable(path)


class ParquetTable:
    """One Parquet file; row groups before the first wanted row are not read."""

    def __init__(self, path: Path):
        self._path = path
        with pq.ParquetFile(path) as file:
            self.names = file.schema_arrow.names
            self.rows = file.metadata.num_rows

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self._path) as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if skip >= rows:
                    skip -= rows
                    continue
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                    yield batch.slice(min(skip, len(batch)))
                    skip = max(0, skip - len(batch))
