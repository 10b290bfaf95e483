"""The summary of the full tier."""

from types import SimpleNamespace

from tests.results import MARKS, figures, write


def report(test: str, failed: bool, **properties) -> SimpleNamespace:
    return SimpleNamespace(nodeid=test, failed=failed, user_properties=list(properties.items()))


def test_a_figure_names_its_test_and_whether_that_failed():
    reports = [report("tests/a.py::one@group", False, rows=3), report("tests/a.py::two", True, rows=4, kills=5)]
    assert figures(reports) == [
        ("tests/a.py::one", "rows", "3"),
        ("tests/a.py::two", "rows", "4 (FAILED)"),
        ("tests/a.py::two", "kills", "5 (FAILED)"),
    ]


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    file = tmp_path / "results.md"
    file.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    for value in ("3", "4"):
        write("`pytest -m full`: 1 passed", [("tests/a.py::one", "rows", value)], file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{MARKS[0]}\n") and text.endswith(f"{MARKS[1]}\nafter\n")
    assert "`pytest -m full`: 1 passed, on 2" in text and text.count("1 passed") == 1
    assert "| `tests/a.py::one` | rows | 4 |" in text and "old" not in text and "rows | 3" not in text
