"""Two ways in processes of their own: what is compared, what is counted, and what is said when one fails."""

import argparse
import operator

import pytest

from benchmarks import generation, processes
from benchmarks.processes import LIBRARIES, Race

RACE = Race("somewhere", "adding, 2 ways", "fast", "slow", operator.eq)
FIGURES = {
    LIBRARIES: {"peak_bytes": 100_000_000},
    "fast": {"seconds": 0.5, "peak_bytes": 140_000_000, "answers": [4]},
    "slow": {"seconds": 1.0, "peak_bytes": 180_000_000, "answers": [4]},
}


@pytest.fixture
def run(monkeypatch):
    """Let the ways say what `FIGURES` has; returns the options that each was given."""
    given = []

    def fake(race, way, options):
        given.append((way, options))
        return dict(FIGURES[way])

    monkeypatch.setattr(processes, "run_way", fake)
    return given


def test_ratios_are_counted_from_the_libraries_peak(run, capsys):
    figures = processes.measure(RACE, ["--profile", "emoji"])
    assert figures["time_ratio"] == 0.5 and figures["memory_ratio"] == 0.5
    assert [way for way, _ in run] == [LIBRARIES, "fast", "slow"]
    processes.report(RACE, figures)
    out = capsys.readouterr().out
    assert "adding, 2 ways" in out and "ratio 0.50" in out and "40 MB" in out and "80 MB" in out


def test_ways_that_disagree_are_not_raced(run, monkeypatch):
    monkeypatch.setitem(FIGURES["slow"], "answers", [5])
    with pytest.raises(SystemExit, match="disagree"):
        processes.measure(RACE, [])


def test_a_commands_own_options_reach_both_ways(run, monkeypatch, tmp_path):
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, default=3)
    monkeypatch.setattr("sys.argv", ["race", "--number", "7", "--json", str(tmp_path / "figures.json")])
    processes.main(RACE, parser, run_way=None, absent=lambda profile: "")
    assert run[1] == ("fast", ["--profile", "emoji", "--number", "7"])
    assert "time_ratio" in (tmp_path / "figures.json").read_text()


def test_a_profile_without_the_model_is_not_measured(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["race"])
    processes.main(RACE, argparse.ArgumentParser(), run_way=None, absent=lambda profile: f"{profile} has none")
    assert "not measured: emoji has none" in capsys.readouterr().out


def test_pictures_agree_up_to_a_rounding():
    same = [[[[10, 20, 30]]]]
    assert generation.agree(same, [[[[12, 18, 30]]]])
    assert not generation.agree(same, [[[[90, 20, 30]]]])
