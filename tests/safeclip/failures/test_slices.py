"""Filters, order, pairs and shares, each beside a naive version that reads the rows one by one."""

import itertools

import pytest

from safeclip.failures.slices import ORDERS, FailureTable, Filter, Row
from safeclip.retrieval.metrics import wilson

FILTERS = [
    Filter("safe"),
    Filter("original", kind="leaks"),
    Filter("ours", direction="unsafe_text_to_all_images", category="violence"),
    Filter("safe", task="retrieval", moved=2, order="rank change"),
    Filter("ours@0.5", concept="knife", order="number"),
    Filter("safe", against="ours"),
    Filter("safe", against="ours@0.25", kind="leaks", order="margin"),
    Filter("safe", category="nothing"),
    Filter("nobody"),
]


def naive(rows: list[dict], filter: Filter) -> list[int]:
    """Numbers of the rows that pass, in any order."""

    def question(row: dict) -> tuple:
        return row["direction"], row["split"], row["number"]

    others = {question(row): row for row in rows if row["seat"] == filter.against}
    found = []
    for i, row in enumerate(rows):
        named = all(getattr(filter, n) in ("", row[n]) for n in ("task", "direction", "category", "concept", "split"))
        if row["seat"] != filter.seat or not named or row["rank"] - row["reference_rank"] < (filter.moved or -1000):
            continue
        kinds = {row["kind"]}
        if filter.against:
            other = others.get(question(row))
            kinds |= {row["kind"] if other is None else other["kind"]}
            if len(kinds) == 1:
                continue
        if (filter.kind in kinds) if filter.kind else (filter.against or row["kind"]):
            found.append(i)
    return found


@pytest.mark.parametrize("filter", FILTERS, ids=str)
def test_a_filter_passes_what_a_naive_one_does(table, filter):
    assert sorted(table.select(filter).tolist()) == naive(table.stored.rows.to_pylist(), filter)


@pytest.mark.parametrize("order", ORDERS)
def test_rows_come_in_order(table, order):
    rows = table.rows(table.select(Filter("safe", order=order)))
    keys = {
        "severity": lambda row: -row.severity,
        "rank change": lambda row: -row.rank_change,
        "margin": lambda row: float("inf") if row.margin is None else abs(row.margin),
        "number": lambda row: row.number,
    }
    values = [keys[order](row) for row in rows]
    assert rows and values == sorted(values)


def test_two_columns_stand_row_by_row(table):
    filter = Filter("safe", against="ours")
    for row in table.rows(table.select(filter), filter.against):
        assert (row.other.seat, row.other.direction, row.other.number) == ("ours", row.direction, row.number)
        assert row.kind != row.other.kind


def test_a_question_that_the_other_column_was_not_asked_has_no_counterpart(table):
    (row,) = table.rows(table.select(Filter("original"))[:1], "nobody")
    assert row.other is None and isinstance(row, Row)


@pytest.mark.parametrize("by", ["category", "direction", "concept"])
def test_shares_are_those_that_counting_gives(table, by):
    rows = [row for row in table.stored.rows.to_pylist() if row["seat"] == "safe"]
    expected = {}
    for name, group in itertools.groupby(sorted(rows, key=lambda row: row[by]), key=lambda row: row[by]):
        own = list(group)
        expected[name] = (sum(bool(row["kind"]) for row in own), len(own))
    shares = table.shares(Filter("safe"), by)
    assert {share.name: (share.failed, share.n) for share in shares} == expected
    assert all(share.interval == wilson(share.failed, share.n) and share.few for share in shares)
    assert [share.percent for share in shares] == sorted((share.percent for share in shares), reverse=True)


def test_values_are_those_that_some_row_has(table):
    assert table.values("category") == ["harassment", "illegal activity", "self-harm", "shocking", "violence"]
    assert isinstance(table, FailureTable) and "" not in table.values("kind")
