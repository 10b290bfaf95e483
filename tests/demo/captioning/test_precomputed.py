"""Precomputed captions: the models' own, of the models that are seated now, or none."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safeclip
from demo.captioning import precomputed
from demo.captioning.examples import examples
from demo.captioning.precomputed import PrecomputedCaptions
from demo.captioning.request import CaptioningRequest
from tests.demo.captioning.requests import service_of


def test_precomputed_answers_are_the_models_own_and_load_nothing(talking_lab, tmp_path):
    file = tmp_path / "captions.toml"
    assert precomputed.write_all(talking_lab, file).startswith(f"{file}: ")
    precomputed.write(file, "other", {"models": "x", "answers": []})
    lab = safeclip.open(talking_lab.profile)
    answers = PrecomputedCaptions(lab, file)
    service = service_of(lab, precomputed=answers)
    found = examples("tiny", talking_lab.gallery, replace(service.default, seats=("safe",)))
    assert len(answers.read()["answers"]) == len(found) * len(talking_lab.captioning.questions)

    request = replace(found[0].request, question="Who is in the picture?")
    (state,) = service.states(request)
    assert state.precomputed and state.done and not lab.captioning.loaded
    image = talking_lab.gallery.image(request.item)
    expected = talking_lab.captioning.compare(image, request.question, seats=("original", "safe"))
    assert {key: answer.text for key, answer in state.comparison.items()} == {
        key: answer.text for key, answer in expected.items()
    }
    assert state.comparison["safe"].unsafe == expected["safe"].unsafe
    for other in ({"temperature": 0.5}, {"max_new_tokens": 8}, {"question": "Why?"}):
        assert answers.find(replace(request, **other)) is None


@pytest.mark.parametrize("content", [None, "", "x = [", '[tiny]\nmodels = "of yore"\nanswers = []\n'])
def test_without_a_file_that_fits_there_are_none(talking_lab, tmp_path, content):
    file = tmp_path / "captions.toml"
    if content is not None:
        file.write_text(content)
    item = talking_lab.gallery.items[0]
    request = CaptioningRequest(item=item.image_id, question="Who?")
    assert PrecomputedCaptions(talking_lab, file).find(request) is None


@given(st.text(st.characters(codec="utf-8")))
def test_any_answer_survives_the_file(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("precomputed") / "captions.toml"
    row = {"item": "1" * 16, "question": text, "answers": {"original": text}}
    precomputed.write(file, "tiny", {"models": "m", "answers": [row]})
    lab = SimpleNamespace(profile=SimpleNamespace(name="tiny"), captioning=SimpleNamespace(fingerprint="m"))
    assert PrecomputedCaptions(lab, file).get(("1" * 16, text)) == {"original": text}


def test_the_page_has_precomputed_answers_to_the_emoji_examples():
    lab = safeclip.open("emoji")
    service = service_of(lab, precomputed=PrecomputedCaptions(lab))
    found = examples("emoji", lab.gallery, service.default)
    assert len(found) == 8 and all(service.find_precomputed(each.request) is not None for each in found)
