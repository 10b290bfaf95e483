"""Base of the sources whose files are tables: one image a row, file after file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from safeclip.errors import first_line

from ...errors import BuildError
from ...options import SourceOptions
from ..base import SourceItem
from ..files import find_files, state_of
from .columns import Columns

BATCH_ROWS = 64  # in memory at a time


class Table(Protocol):
    """One open file: the names of its columns, and its number of rows."""

    names: list[str]
    rows: int

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        """The rows after the first `skip`, at most `BATCH_ROWS` at a time."""
        ...


def python_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    """The cells of each row by column; in place of a row with a cell that Python has no value for, the reason."""
    try:
        yield from batch.to_pylist()
    except Exception as error:  # text that is not UTF-8, a date out of range, a time zone that is not known: no base
        if len(batch) == 1:
            yield f"a cell of the row cannot be read: {first_line(error)}"
            return
        for row in range(len(batch)):
            yield from python_rows(batch.slice(row, 1))


class TableSource:
    """The rows of files in the order of their names. A file that cannot be opened is an error, not a fault of a row."""

    license = ""
    suffixes: tuple[str, ...]

    def __init__(self, place: str, options: SourceOptions):
        self.origin = place
        files = find_files(place, self.suffixes)
        self.fingerprint = state_of(files)
        self._tables = [(file, self._opened(file)) for file in files]
        self._columns = [Columns.find(table.names, options, str(file)) for file, table in self._tables]
        self.count = sum(table.rows for _, table in self._tables)

    def open(self, path: Path) -> Table:
        """Opens one file. Raises OSError or pyarrow's errors."""
        raise NotImplementedError

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        for (file, table), columns in zip(self._tables, self._columns, strict=True):
            row = min(skip, table.rows)
            skip -= row
            try:
                for batch in table.batches(row):
                    for cells in python_rows(batch):
                        name = f"{file.name} row {row}"
                        yield columns.item(name, cells)
                        row += 1
            except (OSError, pa.ArrowException) as error:
                # The rest of the file is lost. One fault a row keeps every later position where it was.
                reason = f"the file cannot be read from here on: {first_line(error)}"
                for lost in range(row, table.rows):
                    yield SourceItem(f"{file.name} row {lost}", None, fault=reason)

    def _opened(self, file: Path) -> Table:
        try:
            return self.open(file)
        except (OSError, pa.ArrowException) as error:
            raise BuildError(f"{file}: this file cannot be read ({first_line(error)}).") from error
