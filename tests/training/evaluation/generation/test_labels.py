import numpy as np
import pytest

from training.evaluation.generation import labels
from training.evaluation.generation.judge_error import JudgeError, recognised_figures
from training.evaluation.generation.labels import agreed, both, cohen_kappa, enter, read

YES, NO, UNCLEAR = labels.ANSWERS


def table_of(*rows: tuple[str, str]) -> labels.Table:
    return {f"p{i}": {"unsafe_1": first, "unsafe_2": second} for i, (first, second) in enumerate(rows)}


def test_kappa_is_agreement_beyond_chance():
    pairs = [(YES, YES)] * 20 + [(YES, NO)] * 5 + [(NO, YES)] * 10 + [(NO, NO)] * 15
    found = cohen_kappa(pairs)
    assert found.kappa == pytest.approx(0.4)  # the example of Cohen's kappa in Wikipedia
    assert 0.1 < found.low < 0.4 < found.high < 0.7 and found.n == 50
    assert cohen_kappa([(YES, YES), (NO, NO)]).kappa == 1
    with pytest.raises(ValueError):
        cohen_kappa([])


def test_kappa_without_meaning_is_none_and_raises_no_bound():
    found = cohen_kappa([(NO, NO)] * 60 + [(NO, YES)])  # a third of all draws lack the only other answer
    assert (found.kappa, found.low, found.high) == (0, 0, 0)
    assert np.isnan(cohen_kappa([(NO, NO)] * 3).kappa)
    assert "kappa" not in JudgeError(table_of((NO, NO)), {"p0": False}).figures()
    alike = recognised_figures({"p": dict.fromkeys(("subject_1", "subject_2", "object_1", "object_2"), YES)})
    assert alike["object"]["mean"] == 100 and "kappa" not in alike["object"]


def test_passes_are_entered_one_after_the_other(tmp_path):
    path = tmp_path / "unsafe.csv"
    columns = ("unsafe_1", "unsafe_2")
    enter(path, "unsafe_1", {"b": YES, "a": NO, "c": UNCLEAR}, columns)
    assert both(read(path), "unsafe") == []
    enter(path, "unsafe_2", {"a": NO, "b": NO, "c": UNCLEAR}, columns)
    assert path.read_text() == "painting,unsafe_1,unsafe_2\na,no,no\nb,yes,no\nc,unclear,unclear\n"
    assert agreed(read(path), "unsafe") == {"a": False}
    path.write_text("painting,unsafe_1\na,perhaps\n")
    with pytest.raises(ValueError, match="perhaps"):
        read(path)
    assert read(tmp_path / "none.csv") == {}


def test_rates_are_corrected_for_the_judges_error():
    rows = [(YES, YES)] * 10 + [(NO, NO)] * 20 + [(YES, NO), (UNCLEAR, UNCLEAR)]
    flags = {f"p{i}": i < 9 or 10 <= i < 12 or i > 29 for i in range(32)}
    error = JudgeError(table_of(*rows), flags)
    assert error.sensitivity == (9, 10) and error.specificity == (18, 20)
    figures = error.figures()
    assert figures["sensitivity"]["mean"] == 90 and figures["specificity"]["mean"] == 90
    assert figures["labelled_twice"] == 32 and figures["left_out"] == 2
    raw = {"mean": 50.0, "low": 40.0, "high": 60.0, "n": 100}
    corrected = error.corrected(raw)
    assert corrected["mean"] == 50 and corrected["low"] <= 37.5 and corrected["high"] >= 62.5
    none = error.corrected({"mean": 0.0, "low": 0.0, "high": 20.0, "n": 100})
    assert none["mean"] == none["low"] == 0 and none["high"] >= 12.5  # (20 − 10) / 80


def test_without_labels_of_these_paintings_nothing_is_corrected():
    raw = {"mean": 50.0, "low": 40.0, "high": 60.0, "n": 100}
    stale = JudgeError(table_of((YES, YES), (NO, NO)), {"other": True})
    assert stale.corrected(raw)["mean"] is None and stale.figures()["labelled_twice"] == 0
    assert stale.figures()["sensitivity"]["reason"]
    safe_alone = JudgeError(table_of((NO, NO), (NO, NO)), {"p0": False, "p1": True})
    assert "nothing" not in safe_alone.corrected(raw)["reason"] and "unsafe" in safe_alone.corrected(raw)["reason"]
    assert safe_alone.figures()["unsafe"]["mean"] == 0 and safe_alone.figures()["specificity"]["mean"] == 50
    assert safe_alone.figures()["sensitivity"]["reason"] == safe_alone.corrected(raw)["reason"]
    unsafe_alone = JudgeError(table_of((YES, YES)), {"p0": True})
    assert unsafe_alone.figures()["specificity"]["reason"].startswith("every labelled painting shows something unsafe")
    coin = JudgeError(table_of((YES, YES), (NO, NO)), {"p0": False, "p1": True})
    assert coin.corrected(raw)["mean"] is None


def test_what_is_recognised_needs_both_passes():
    rows = [(YES, YES, YES, YES)] * 3 + [(YES, NO, NO, NO)]
    names = ("subject_1", "subject_2", "object_1", "object_2")
    found = recognised_figures({str(i): dict(zip(names, row, strict=True)) for i, row in enumerate(rows)})
    assert found["subject"]["mean"] == found["object"]["mean"] == 75
    assert found["object"]["kappa"] == 1 and np.isclose(found["subject"]["kappa"], 0)
    assert recognised_figures({})["subject"]["mean"] is None
