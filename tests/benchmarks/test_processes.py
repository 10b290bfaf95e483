"""Races between two ways, each in a process of its own: what is compared, what is counted, and what is said."""

import json
import operator
from dataclasses import replace

import pytest
import torch

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

    monkeypatch.setattr(processes, "run_apart", fake)
    return given


def test_ratios_are_counted_from_the_libraries_peak(run, capsys):
    figures = processes.measure(RACE, ["--profile", "emoji"])
    assert figures["time_ratio"] == 0.5 and figures["memory_ratio"] == 0.5
    assert [way for way, _ in run] == [LIBRARIES, "fast", "slow"]
    processes.report(RACE, figures)
    out = capsys.readouterr().out
    assert "adding, 2 ways" in out and "ratio 0.50" in out and "40 MB" in out and "80 MB" in out


def test_implementations_that_disagree_are_not_timed(run, monkeypatch):
    monkeypatch.setitem(FIGURES["slow"], "answers", [5])
    with pytest.raises(SystemExit, match="disagree"):
        processes.measure(RACE, [])


def test_a_commands_own_options_reach_both_ways(run, monkeypatch, tmp_path):
    race = replace(RACE, options={"number": (3, "to add")})
    monkeypatch.setattr("sys.argv", ["race", "--number", "7", "--json", str(tmp_path / "figures.json")])
    processes.main(race, run_way=None, description="")
    assert run[1] == ("fast", ["--profile", "emoji", "--number", "7"])
    assert "time_ratio" in (tmp_path / "figures.json").read_text()


def test_one_implementation_is_measured_in_this_process(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["race", "--way", "fast"])
    threads = torch.get_num_threads()
    processes.main(RACE, run_way=lambda way, options: {"way": way, "of": options.profile}, description="")
    torch.set_num_threads(threads)
    assert json.loads(capsys.readouterr().out) == {"way": "fast", "of": "emoji"}


def test_an_implementation_that_fails_reports_its_last_line():
    race = replace(RACE, module="benchmarks.no_such_module")
    with pytest.raises(SystemExit, match="adding, 2 ways, fast: .*No module named benchmarks.no_such_module"):
        processes.run_apart(race, "fast", [])


def test_a_profile_without_the_model_is_not_measured(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["race", "--profile", "vit-l-14-336"])
    processes.main(replace(RACE, task="generation"), run_way=None, description="")
    assert "not measured: the profile vit-l-14-336 has no [generation] section" in capsys.readouterr().out
    assert processes.unmeasurable(replace(RACE, task="captioning"), "vit-l-14").startswith("there is no llava-hf/")
    assert processes.unmeasurable(replace(RACE, task="captioning"), "emoji") == ""


def test_images_agree_up_to_a_rounding():
    same = [[[[10, 20, 30]]]]
    assert generation.agree(same, [[[[12, 18, 30]]]])
    assert not generation.agree(same, [[[[90, 20, 30]]]])
