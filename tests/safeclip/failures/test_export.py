"""Exports: harmless in a spreadsheet, whole as JSON lines."""

import csv
import io
import json

import pytest

from safeclip.failures.export import cell, csv_of, to_csv, to_jsonl
from safeclip.failures.kinds import BEYOND
from safeclip.failures.slices import Filter


def link_of(row, provenance) -> str:
    return f"?q={row.number}&of={provenance.fingerprint}"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted(text):
    assert cell(text) == f"'{text}"
    assert next(iter(csv.DictReader(io.StringIO(csv_of([{"text": text, "n": 1}]), newline="")))) == {
        "text": f"'{text}",
        "n": "1",
    }


def test_other_cells_stay_as_they_are():
    assert cell("a = b") == "a = b" and cell(-3) == -3 and cell(None) is None and cell("") == ""


def test_rows_carry_all_that_reproduces_them(table):
    rows = table.rows(table.select(Filter("safe")))
    lines = [json.loads(line) for line in to_jsonl(rows, table.provenance, link_of).splitlines()]
    about, *found = lines
    assert about["table"]["gallery"] and about["fingerprint"] == table.provenance.fingerprint
    assert len(found) == len(rows)
    for row, line in zip(rows, found, strict=True):
        assert line["fingerprint"] == table.provenance.fingerprint and line["link"] == link_of(row, table.provenance)
        assert line["rank"] == (None if row.rank == BEYOND else row.rank)
        assert {"task", "direction", "seat", "kind", "severity", "item", "found", "profile"} <= set(line)
    read = list(csv.DictReader(io.StringIO(to_csv(rows, table.provenance, link_of), newline="")))
    assert [row["text"] for row in read] == [row.text for row in rows]
    assert read[0]["link"] == link_of(rows[0], table.provenance)
