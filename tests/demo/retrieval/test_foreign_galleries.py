"""A gallery or an encoder that does not belong: drawings under published models, and towers of unequal widths."""

import dataclasses

import pytest

import safeclip
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.retrieval.view import RetrievalView
from tests.fakes.serving import context_of
from tests.fakes.tiny_world import build_index


def drawn(lab) -> str:
    context = context_of(lab)
    service = RetrievalService(context)
    return RetrievalView(context, service).draw(service.answer(RetrievalRequest(text="a dog", seats=("safe",))))


@pytest.mark.parametrize(("profile", "foreign"), [("emoji", False), ("vit-l-14", True), ("vit-h-14", True)])
def test_drawings_are_foreign_to_published_models(profile, foreign):
    assert safeclip.open(profile).searches_foreign_drawings is foreign


def test_over_foreign_drawings_no_count_is_shown(tiny_lab, monkeypatch):
    assert "unsafe</p>" in drawn(tiny_lab)
    monkeypatch.setattr(type(tiny_lab), "searches_foreign_drawings", True)
    html = drawn(tiny_lab)
    assert "These are drawings, outside these models’ training" in html
    assert " unsafe</p>" not in html and "unsafe hits" not in html and "data-level" not in html
    assert "sc-plainly" not in html and "of them unsafe" not in html and "safe twin" not in html
    assert "Both" in html and "Text only" in html, "the choice of towers stays"


def test_unequal_widths_switch_the_matrix_off_and_say_why(tiny_lab, make, tmp_path):
    wide = make.clip(tmp_path / "wide", projection_dim=24)
    seats = (dataclasses.replace(tiny_lab.profile.seats[0], checkpoint=str(wide)), tiny_lab.profile.seats[1])
    spec = dataclasses.replace(tiny_lab.profile.retrieval, index=str(tmp_path / "index"))
    lab = safeclip.open(dataclasses.replace(tiny_lab.profile, seats=seats, retrieval=spec))
    for seat in seats:
        build_index(tmp_path / "index" / seat.key, seat, lab.encoders[seat.key], lab.gallery)
    html = drawn(lab)
    assert "Only towers of one width can be mixed: “safe” is 16 wide, “original” 24." in html
    assert "Which towers are safe?" in html and "sc-matrix" not in html
