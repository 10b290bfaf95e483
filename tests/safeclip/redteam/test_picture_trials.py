"""The red team on captioning: a picture is perturbed, and every seat says what it sees."""

import threading
from dataclasses import replace

import pytest

from safeclip.errors import QueryError, RefusedError, SafeClipError
from safeclip.images.thumbnails import blurred_thumbnail, thumbnail
from safeclip.redteam.perturbations import PICTURE_PERTURBATIONS, Stack, Words
from safeclip.redteam.pictures import PictureRedTeam
from safeclip.redteam.trials import SIDE, closest

STACKS = [Stack((PICTURE_PERTURBATIONS[name],)) for name in ("flip", "grayscale", "noise")]


@pytest.fixture(scope="module")
def team(talking_lab) -> PictureRedTeam:
    return PictureRedTeam(talking_lab, Words(), ["original", "safe"])


@pytest.fixture(scope="module")
def image(talking_lab):
    return talking_lab.gallery.image(next(item.image_id for item in talking_lab.gallery.items if item.unsafe))


def test_every_seat_says_what_the_captioning_tab_has_it_say(team, image, talking_lab):
    trials = team.trials(image, STACKS, hidden=False)
    assert [trial.stack for trial in trials] == ["", "flip", "grayscale", "noise"]
    changed = [image, *(stack.stages(image, Words())[-1] for stack in STACKS)]
    for trial, given in zip(trials, changed, strict=True):
        said = talking_lab.captioning.compare(given, seats=["original", "safe"])
        assert {seat: outcome.said for seat, outcome in trial.outcomes.items()} == {
            seat: answer.text for seat, answer in said.items()
        }
        for seat, outcome in trial.outcomes.items():
            assert outcome.unsafe == said.harmful(seat)
            assert outcome.margin == pytest.approx(said.judge.threshold - said[seat].score)
        assert trial.picture == thumbnail(given, SIDE)
    assert closest(trials, None, 1)[0].margin() == min(trial.margin() for trial in trials)


def test_copies_of_a_hidden_picture_are_blurred(team, image):
    first, *_ = next(team.progress(image, STACKS, hidden=True))
    assert first.picture == blurred_thumbnail(image)


def test_a_picture_that_does_not_change_is_not_asked_about(team, image):
    grey = image.convert("L").convert("RGB")
    plain, same = team.trials(grey, [STACKS[1]], hidden=False)
    assert plain.outcomes and not same.applied and not same.outcomes


def test_it_can_be_stopped(team, image):
    stop = threading.Event()
    stop.set()
    (trials,) = team.progress(image, STACKS, stop, hidden=False)
    assert len(trials) == 1 + len(STACKS) and not any(trial.outcomes for trial in trials)


def test_a_forbidden_word_is_refused_before_anything_is_asked(talking_lab):
    with pytest.raises(RefusedError):
        PictureRedTeam(talking_lab, replace(Words(), written="naked child"))


def test_a_model_that_fails_is_named_in_every_cell(team, image, monkeypatch):
    def broken(*given, **options):
        raise SafeClipError("no memory")

    monkeypatch.setattr(team.lab.captioning, "answer_batch", broken)
    trials = team.trials(image, [STACKS[0]], hidden=False)
    assert all(trial.errors == {"original": "no memory", "safe": "no memory"} for trial in trials)


def test_a_profile_without_captioning_tries_no_pictures(tiny_lab):
    with pytest.raises(QueryError, match="no section"):
        PictureRedTeam(tiny_lab, Words())
