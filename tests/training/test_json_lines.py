"""Files of JSON lines outlive a power cut, and hold what no encoding has."""

import io

import pytest

from training.engine.progress import METRICS, TrainingProgress
from training.json_lines import append_lines, read_lines

ROWS = [{"id": 1, "text": "ein Hund"}, {"id": 2, "text": "日本の犬\u2028\\\udce4"}]


def test_rows_are_read_as_they_were_appended(tmp_path):
    assert list(read_lines(tmp_path / "none.jsonl")) == []
    for row in ROWS:
        append_lines(tmp_path / "new" / "rows.jsonl", [row])
    assert list(read_lines(tmp_path / "new" / "rows.jsonl")) == ROWS


@pytest.mark.parametrize("lost", range(1, 40))
def test_a_line_torn_at_any_byte_is_passed_over_and_spoils_no_other(tmp_path, lost):
    path = tmp_path / "rows.jsonl"
    append_lines(path, ROWS)
    path.write_bytes(path.read_bytes()[:-lost])
    append_lines(path, [{"id": 3}])
    whole = ROWS if lost == 1 else ROWS[:1]
    assert list(read_lines(path)) == [*whole, {"id": 3}]


def test_a_line_of_other_fields_is_passed_over(tmp_path):
    (tmp_path / "rows.jsonl").write_text('[1]\n7\n{"real": 1, "imag": 2}\n{"other": 1}\n')
    assert list(read_lines(tmp_path / "rows.jsonl", complex)) == [1 + 2j]


def test_a_torn_line_of_metrics_does_not_cost_the_next(tmp_path):
    (tmp_path / METRICS).write_text('{"time": "2026-01-01T00:00:00", "step": 1, "lo')
    TrainingProgress(tmp_path, 9, 1, io.StringIO()).note(2, {"validation_loss": 1.0})
    (line,) = read_lines(tmp_path / METRICS)
    assert (line["step"], line["validation_loss"]) == (2, 1.0)
