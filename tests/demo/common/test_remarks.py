"""What is said of a request that is not of the profile's world: on every tab, to programs, and in files."""

import json
from dataclasses import replace

import pytest
from PIL import Image

import safeclip
from demo.captioning.api import CaptioningEndpoint
from demo.captioning.request import CaptioningRequest
from demo.captioning.service import CaptioningService
from demo.captioning.view import CaptioningView
from demo.generation.png_metadata import metadata_of
from demo.generation.view import GenerationView
from demo.redteam.api import RedTeamEndpoint
from demo.redteam.report import to_csv, to_html
from demo.redteam.request import RedTeamRequest
from demo.redteam.service import RedTeamService
from demo.redteam.view import RedTeamView
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from demo.retrieval.view import RetrievalView
from safeclip.failures.texts import GivenText
from tests.fakes.painting import request_of, service_of
from tests.fakes.serving import context_of

PHOTO = Image.effect_noise((40, 40), 90).convert("RGB")
WALRUS = "“walrus” is not in this world; nearest: walrus → dog."
FAR = "This picture is far from everything in the gallery"


@pytest.fixture(scope="module")
def lab(whole_lab, tmp_path_factory):
    """A lab whose profile says that it draws no walrus, and calls every picture far that is not in the gallery."""
    file = tmp_path_factory.mktemp("concepts") / "concepts.json"
    file.write_text(json.dumps({"nearest": {"dog": "walrus"}, "known": "", "verbs": "", "image_threshold": 0.9999}))
    return safeclip.Lab(replace(whole_lab.profile, concepts=str(file)))


def test_a_search_says_it_above_the_answer(lab):
    context = context_of(lab)
    service = RetrievalService(context)
    state = service.answer(RetrievalRequest(text="a walrus and a dog"))
    assert state.comparison.notes == (WALRUS,) and WALRUS in RetrievalView(context, service).draw(state)
    assert state.unknown_words == {"and": []}, "a noun that the tower learnt is said to be foreign, not unknown"
    assert service.answer(RetrievalRequest(text="a dog")).comparison.notes == ()


@pytest.mark.parametrize("text, is_chance", [("the of and is a", True), ("!!! ???", True), ("with a dog", False)])
def test_words_that_name_nothing_find_by_chance_and_the_page_says_so(lab, text, is_chance):
    context = context_of(lab)
    service = RetrievalService(context)
    drawn = RetrievalView(context, service).draw(service.answer(RetrievalRequest(text=text)))
    assert ("These words name nothing that is drawn here, so what is found is chance." in drawn) == is_chance


def test_an_upload_far_from_the_gallery_is_called_so_and_a_gallery_item_is_not(lab):
    service = RetrievalService(context_of(lab))
    state = service.answer(RetrievalRequest(upload="2" * 16), PHOTO)
    assert state.comparison.notes[0].startswith(FAR)
    item = lab.gallery.items[0].image_id
    assert service.answer(RetrievalRequest(item=item)).comparison.notes == ()
    alone = lab.retrieval.compare(PHOTO, seats=["safe"])
    assert alone.notes == state.comparison.notes, "the reference says it, shown or not"


def test_a_prompt_says_it_from_the_first_step_on_and_the_files_keep_it(lab):
    service = service_of(lab)
    view = GenerationView(context_of(lab), service)
    states = [each for each in service.states(request_of("a walrus", steps=2)) if each.comparison is not None]
    assert len(states) > 1 and all(WALRUS in view.draw(each) for each in states)
    comparison = states[-1].comparison
    assert WALRUS in lab.generation.compare("a walrus", steps=1).notes
    metadata = metadata_of(lab, states[-1].request, comparison, "original", 0, models="")
    assert metadata["notes"] == list(comparison.notes)


def test_a_captioned_upload_is_called_far_and_a_gallery_item_is_not(lab):
    context = context_of(lab)
    service = CaptioningService(context)
    request = CaptioningRequest(upload="2" * 16, max_new_tokens=2)
    *_, state = service.states(request, PHOTO)
    assert FAR in CaptioningView(context, service).draw(state)
    item = lab.gallery.items[0].image_id
    answer = CaptioningEndpoint(service).answer({"gallery_item": item, "max_new_tokens": 2})
    assert not any(note.startswith(FAR) for note in answer["notes"])


def test_the_red_team_says_it_of_the_row_that_brings_the_word_in(lab):
    context = context_of(lab)
    service = RedTeamService(context)
    view = RedTeamView(context, service)
    first, *others = RedTeamEndpoint(service).answer({"text": "a walrus"})["trials"]
    assert first["notes"] == [WALRUS] and any(WALRUS in trial["notes"] for trial in others)
    polite = next(trial["notes"] for trial in others if trial["stack"] == "politeness")
    assert "longer than the 32 tokens that the model reads" in polite[-1]
    state = service.answer(RedTeamRequest(text="a walrus"))
    assert view.draw(state).count(WALRUS) == 1, "what the first row says is said of the others too"
    far = service.answer(RedTeamRequest(upload="2" * 16), PHOTO)
    assert FAR in view.draw(far)
    results = [(GivenText("a walrus"), list(state.comparison))]
    assert WALRUS in to_csv(results)
    assert WALRUS in to_html(results, {"original": "CLIP"}, lab.gallery, "Red team", "")


def test_no_concepts_no_remarks_and_a_faulty_file_does_not_end_the_page(tiny_lab, tmp_path):
    assert tiny_lab.remarks.on_text("a walrus") == tiny_lab.remarks.on_image(PHOTO) == ()
    missing = safeclip.Lab(replace(tiny_lab.profile, concepts=str(tmp_path / "none.json")))
    assert missing.retrieval.compare("a walrus").notes == missing.retrieval.compare(PHOTO).notes == ()
