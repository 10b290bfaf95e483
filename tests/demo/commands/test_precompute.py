"""safeclip-demo precompute, and the tour, of profiles other than emoji."""

from dataclasses import replace

import pytest

import demo
import safeclip
from demo import cli
from demo.captioning import precomputed as captions
from demo.generation import precomputed as paintings
from demo.settings import Settings


@pytest.fixture
def precompute(tmp_path, monkeypatch, capsys):
    """lab → exit status of the command, and the lines that it printed."""
    monkeypatch.setattr(paintings, "FOLDER", tmp_path / "paintings")
    monkeypatch.setattr(captions, "FILE", tmp_path / "captions.toml")

    def run(lab) -> tuple[int, list[str]]:
        monkeypatch.setattr("safeclip.open", lambda profile: lab)
        status = cli.main(["precompute", "--profile", "mine"], program="safeclip-demo")
        return status, capsys.readouterr().out.splitlines()

    return run


def without(lab, *sections: str, **more) -> "safeclip.Lab":
    return safeclip.open(replace(lab.profile, **dict.fromkeys(sections), **more))


def test_without_examples_nothing_is_written_and_the_reason_is_said(precompute, painting_lab, talking_lab, tmp_path):
    lab = without(painting_lab, "retrieval", captioning=talking_lab.profile.captioning)
    status, said = precompute(lab)
    assert status == 0 and [line.split(":")[0] for line in said] == ["generation", "captioning"]
    assert all("no examples" in line and "nothing was written" in line for line in said)
    assert not list(tmp_path.iterdir())


def test_a_profile_that_only_searches_has_nothing_to_precompute(precompute, tiny_lab):
    status, said = precompute(tiny_lab)
    assert status == 0 and said == ["The profile “tiny” neither paints nor captions: there is nothing to precompute."]


def test_a_tour_without_stops_is_said(painting_lab, tmp_path, monkeypatch, capsys, caplog):
    lab = without(painting_lab, "retrieval")
    page = demo.build(lab, Settings(present=True))
    assert "nothing to present: The profile “tiny” has neither a tour nor examples" in caplog.text
    monkeypatch.setattr("safeclip.open", lambda profile: lab)
    monkeypatch.setattr("demo.page.build", lambda lab, settings: page)
    assert cli.main(["export-tour", str(tmp_path / "tour.html")], program="safeclip-demo") == 1
    assert "has neither a tour nor examples" in capsys.readouterr().err and not (tmp_path / "tour.html").exists()
