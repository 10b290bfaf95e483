"""The table of benchmarks is what was measured, and a benchmark that fails leaves it as it is."""

import json

import pytest

from benchmarks.__main__ import MEASURED, PAGE, RUNS, main
from benchmarks.table import page

RACE = {
    "side_by_side": {"seconds": 0.5, "peak_bytes": 1_150_000_000},
    "two_models": {"seconds": 0.0999, "peak_bytes": 1_200_000_000},
    "libraries": {"peak_bytes": 1_000_000_000},
    "time_ratios": [0.5, 0.7, 0.6],
    "memory_ratio": 0.75,
}


def test_the_page_shows_what_was_measured():
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, measured) == text, "run python -m benchmarks --table"
    assert measured.keys() == RUNS.keys()


def test_a_ratio_stands_with_its_spread():
    text = page("before\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nafter", {"captioning": {"figures": RACE}})
    assert "| caption, two seats | 0.50 s | 99.9 ms | 0.60 (0.50 to 0.70) |" in text
    assert "| 150 MB | 200 MB | 0.75 |" in text and "old" not in text and text.endswith("after")


def test_an_unknown_benchmark_is_said(capsys):
    with pytest.raises(SystemExit):
        main(["painting"])
    assert "there is no benchmark 'painting'; choose from: retrieval, captioning" in capsys.readouterr().err
