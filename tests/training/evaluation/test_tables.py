"""What tables and the metrics file hold, whatever is written into them."""

import json
import os

from training.evaluation.command import merge_into
from training.evaluation.tables import Figure, Table, markdown_table


def test_a_bar_in_a_cell_does_not_end_it():
    assert markdown_table(["a|b", "c"], [("x | y", ["1", ""]), ("z", ["|", "2"])]) == (
        "| | a\\|b | c |\n|---|---|---|\n| x \\| y | 1 |  |\n| z | \\| | 2 |"
    )
    assert Table("", ["seat"], [("a", [Figure(1)])]).markdown() == "| | seat |\n|---|---|\n| a | 1.0 |"


def test_a_metrics_file_is_replaced_as_a_whole(tmp_path):
    path, before = tmp_path / "metrics.json", tmp_path / "before.json"
    merge_into(path, {"a": 1})
    os.link(path, before)
    merge_into(path, {"b": {"mean": 1.0, "low": 0.0, "high": 2.0}})
    assert json.loads(before.read_text()) == {"a": 1}  # was not written into
    assert path.read_text().splitlines()[1:3] == ['  "a": 1,', '  "b": { "mean": 1.0, "low": 0.0, "high": 2.0 }']
    assert sorted(tmp_path.iterdir()) == [before, path]
