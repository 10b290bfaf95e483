"""Source: Arrow files with encoded images in a column, in the file or in the stream format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from .source import BATCH_ROWS, Table, TableSource


class ArrowSource(TableSource):
    """The rows of one Arrow file, or of those in a folder; `datasets` and Feather write such files."""

    suffixes = (".arrow", ".feather", ".ipc")

    def open(self, path: Path) -> Table:
        return ArrowTable(path)


class ArrowTable:
    """One Arrow file, mapped into memory, so that counting its rows reads no images."""

    def __init__(self, path: Path):
        self._path = path
        with _record_batches(path) as (schema, batches):
            self.names = schema.names
            self.rows = sum(map(len, batches))

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        with _record_batches(self._path) as (_, batches):
            for batch in batches:
                for start in range(min(skip, len(batch)), len(batch), BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)
                skip = max(0, skip - len(batch))


@contextmanager
def _record_batches(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The schema and the record batches of a file in either format."""
    with pa.memory_map(str(path)) as data:
        try:
            file = pa.ipc.open_file(data)
        except pa.ArrowInvalid:  # not the file format
            data.seek(0)
            stream = pa.ipc.open_stream(data)
            yield stream.schema, iter(stream)
        else:
            yield file.schema, map(file.get_batch, range(file.num_record_batches))
