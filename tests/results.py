"""Figures of the full tier: a test records them with pytest's `record_property`, the end of the run prints them.

`--write-results` also writes them, with the command and its outcome, into docs/results.md, between two marks.
"""

import datetime
import platform
import shlex
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
    reports = {kind: terminalreporter.getreports(kind) for kind in ("passed", "failed", "error", "skipped")}
    rows = figures(report for kind in ("passed", "failed") for report in reports[kind] if report.when == "call")
    if rows:
        terminalreporter.section("figures")
        for test, name, value in rows:
            terminalreporter.line(f"{test}: {name} = {value}")
    if config.getoption("--write-results"):
        counts = ", ".join(f"{len(found)} {kind}" for kind, found in reports.items() if found)
        minutes = sum(report.duration for found in reports.values() for report in found) / 60
        command = shlex.join(["pytest", *config.invocation_params.args])
        write(f"`{command}`: {counts or 'no test'}, {minutes:.0f} minutes", rows, RESULTS)


def figures(reports: Iterable[pytest.TestReport]) -> list[tuple[str, str, str]]:
    """Test, name and value of every recorded property; a test that failed says so in each of them."""
    return [
        (report.nodeid.partition("@")[0], name, f"{value}{' (FAILED)' if report.failed else ''}")
        for report in reports
        for name, value in report.user_properties
    ]


def write(run: str, rows: list[tuple[str, str, str]], results: Path) -> None:
    """Replaces what stands between the marks of `results` by what ran, where, and a table of the figures."""
    before, rest = results.read_text(encoding="utf-8").split(MARKS[0])
    _, after = rest.split(MARKS[1])
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [f"{run}, on {datetime.date.today()}, {machine}."]
    if rows:
        lines += ["", "| test | figure | value |", "|---|---|---|"]
        lines += [f"| `{test}` | {name} | {value} |" for test, name, value in rows]
    results.write_text(before + "\n".join([MARKS[0], *lines, MARKS[1]]) + after, encoding="utf-8")
