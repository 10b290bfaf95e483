"""Exports of rows, with all that reproduces one: JSON lines, and CSV that makes no spreadsheet run anything."""

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from .kinds import BEYOND
from .slices import Row
from .table import Provenance

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet may run when a cell begins with it
_PLACES = 4  # after the point, of scores

LinkOf = Callable[[Row, Provenance], str]


def exported(row: Row, provenance: Provenance, link_of: LinkOf) -> dict[str, Any]:
    """A row as plain JSON values, with the page's link to it and the fingerprint of what made it.

    A rank beyond those that were looked at is None.
    """
    values = {name: _plain(value) for name, value in row.values.items()}
    ranks = {name: None if values[name] == BEYOND else values[name] for name in ("rank", "reference_rank")}
    return {
        **values,
        **ranks,
        "rank_change": row.rank_change,
        "link": link_of(row, provenance),
        "profile": provenance.profile,
        "fingerprint": provenance.fingerprint,
        "safeclip": provenance.version,
    }


def to_jsonl(rows: Iterable[Row], provenance: Provenance, link_of: LinkOf) -> str:
    """The rows one JSON object a line. The first line is the table's provenance, under the key "table"."""
    about = {"table": provenance.fingerprints | provenance.settings, "fingerprint": provenance.fingerprint}
    lines = [about, *(exported(row, provenance, link_of) for row in rows)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def to_csv(rows: Iterable[Row], provenance: Provenance, link_of: LinkOf) -> str:
    """The rows as CSV with a header; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    return csv_of([exported(row, provenance, link_of) for row in rows])


def csv_of(tables: list[dict[str, Any]]) -> str:
    """Dictionaries of the same keys as CSV. None is an empty cell; texts are made harmless as `cell` does."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    if tables:
        writer.writerow(tables[0])
    writer.writerows([cell(value) for value in table.values()] for table in tables)
    return buffer.getvalue()


def cell(value: Any) -> Any:
    """A value for a cell: a text that begins like a formula gets an apostrophe before it; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _plain(value: Any) -> Any:
    return round(value, _PLACES) if isinstance(value, float) else value
