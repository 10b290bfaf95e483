"""Measures the Failures tab over a whole table, as its endpoint answers: the first page, filters, comparisons.

    python -m benchmarks.failures [--profile emoji]

The baseline of a filter reads the table's rows one by one.
"""

import argparse
import time
from typing import Any

from gradio_client import Client

import safeclip
from safeclip.failures.kinds import NONE
from safeclip.failures.slices import FailureTable, Filter
from safeclip.failures.table import StoredTable
from safeclip.paths import resolve

from .retrieval import median_seconds
from .served_page import served_page


def filters(table: FailureTable) -> list[dict[str, Any]]:
    """The parameters of a filter by every kind and category of every column, and of two comparisons."""
    columns = list(table.provenance.columns)
    found = [
        {"seat": seat, name: value} for seat in columns for name in ("kind", "category") for value in table.values(name)
    ]
    first, second = columns[:2]
    return [*found, {"seat": first, "against": second}, {"seat": second, "against": first, "order": "rank change"}]


def _row_by_row(rows: list[dict[str, Any]], asked: dict[str, str]) -> list[int]:
    """What a filter selects, in its order, found without any index."""
    numbers = []
    for number, row in enumerate(rows):
        kind = row["kind"] == asked["kind"] if "kind" in asked else row["kind"] != NONE
        if row["seat"] == asked["seat"] and kind and row["category"] == asked.get("category", row["category"]):
            numbers.append(number)
    return sorted(numbers, key=lambda number: -rows[number]["severity"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    options = parser.parse_args()
    spec = safeclip.open(options.profile).profile.failures
    if spec is None:
        raise SystemExit(f"the profile {options.profile} has no [failures] section")
    table = FailureTable(StoredTable.read(resolve(spec.table)))
    rows = table.stored.rows.to_pylist()
    asked = filters(table)
    with served_page(options.profile) as page:
        client = Client(page.url, verbose=False)
        started = time.perf_counter()
        client.predict(seat=asked[0]["seat"], api_name="/failures")
        first = time.perf_counter() - started
        filtered = median_seconds(lambda each: client.predict(**each, api_name="/failures"), asked)
    alone = median_seconds(lambda each: table.select(Filter(**each)), asked)
    plain = [each for each in asked if "against" not in each]  # rows beside another seat's need a join
    wrong = [each for each in plain if _row_by_row(rows, each) != table.select(Filter(**each)).tolist()]
    if wrong:
        raise SystemExit(f"row by row finds other rows than the table for {wrong[0]}")
    selected = median_seconds(lambda each: table.select(Filter(**each)), plain)
    naive = median_seconds(lambda each: _row_by_row(rows, each), plain)
    print(f"first page of {len(table):,} rows   {first:7.3f} s")
    print(f"filter, over HTTP         {filtered:7.4f} s")
    print(f"filter alone              {alone:7.4f} s")
    print(f"filter without another seat {selected:5.4f} s   row by row {naive:7.4f} s")


if __name__ == "__main__":
    main()
