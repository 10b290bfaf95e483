"""What is said of a request that is not of the profile's world."""

import json
from dataclasses import replace

import pytest
from PIL import Image

import safeclip
from demo.captioning.request import CaptioningRequest
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.retrieval.view import RetrievalView
from demo.tasks import CAPTIONING, GENERATION
from tests.fakes.serving import context_of

PHOTO = Image.effect_noise((40, 40), 90).convert("RGB")


@pytest.fixture(scope="module")
def lab(painting_lab, tmp_path_factory):
    """A lab whose profile says that it draws dogs and chefs."""
    file = tmp_path_factory.mktemp("concepts") / "concepts.json"
    table = {"names": {"dog": ["dog"], "chef": ["chef"]}, "nouns": "walrus picture", "threshold": 1.01}
    file.write_text(json.dumps(table | {"image_threshold": 1.01}))
    return safeclip.Lab(replace(painting_lab.profile, concepts=str(file)))


def test_a_word_that_is_not_drawn_is_said_above_the_answer(lab):
    context = context_of(lab)
    service = RetrievalService(context)
    state = service.answer(RetrievalRequest(text="a walrus and a dog"))
    assert state.error == "" and len(state.remarks) == 1
    assert state.unknown_words == {"and": []}, "a noun that the tower learnt is said to be foreign, not unknown"
    assert "“walrus” is not in this world; nearest: walrus → " in RetrievalView(context, service).draw(state)
    assert service.answer(RetrievalRequest(text="a dog")).remarks == ()


def test_an_upload_far_from_the_gallery_is_called_so_and_a_gallery_item_is_not(lab):
    service = RetrievalService(context_of(lab))
    state = service.answer(RetrievalRequest(upload="2" * 16), PHOTO)
    assert state.error == "" and "far from everything in the gallery" in state.remarks[0]
    assert service.answer(RetrievalRequest(item=lab.gallery.items[0].image_id)).remarks == ()


def test_prompts_are_looked_at_and_questions_are_not(lab):
    context = context_of(lab)
    assert GENERATION.service(context).described(replace(GENERATION.service(context).default, prompt="a walrus")) == (
        "a walrus"
    )
    question = CaptioningRequest(question="Describe the picture.")
    assert CAPTIONING.service(context).described(question) == ""


def test_no_concepts_no_remarks_and_a_faulty_file_does_not_end_the_page(tiny_lab, tmp_path):
    assert tiny_lab.remarks("a walrus", PHOTO) == ()
    missing = safeclip.Lab(replace(tiny_lab.profile, concepts=str(tmp_path / "none.json")))
    assert missing.remarks("a walrus", PHOTO) == ()
