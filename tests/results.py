"""Figures of the full tier: a test records them with pytest's `record_property`, the end of the run prints them.

`--write-results` also writes them into docs/results.md, between two marks.
"""

import datetime
import platform
from collections.abc import Iterable
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
MARKS = ("<!-- full tier -->", "<!-- /full tier -->")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-results", action="store_true", help="write the figures of the full tier to docs/results.md"
    )


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    rows = figures(report for report in reports if report.when == "call")
    if not rows:
        return
    terminalreporter.section("figures")
    for test, name, value in rows:
        terminalreporter.line(f"{test}: {name} = {value}")
    if config.getoption("--write-results"):
        write(rows, RESULTS)


def figures(reports: Iterable[pytest.TestReport]) -> list[tuple[str, str, str]]:
    """Test, name and value of every recorded property; a test that failed says so in each of them."""
    return [
        (report.nodeid.partition("@")[0], name, f"{value}{' (FAILED)' if report.failed else ''}")
        for report in reports
        for name, value in report.user_properties
    ]


def write(rows: list[tuple[str, str, str]], results: Path) -> None:
    """Replaces what stands between the marks of `results` by a table of the figures."""
    before, rest = results.read_text(encoding="utf-8").split(MARKS[0])
    _, after = rest.split(MARKS[1])
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"`make test-full RESULTS=1` on {datetime.date.today()}, {machine}.",
        "",
        "| test | figure | value |",
        "|---|---|---|",
    ]
    lines += [f"| `{test}` | {name} | {value} |" for test, name, value in rows]
    results.write_text(before + "\n".join([MARKS[0], *lines, MARKS[1]]) + after, encoding="utf-8")
