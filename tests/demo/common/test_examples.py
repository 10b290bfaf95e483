"""Examples of every task: of each category of harm, from a profile's list or from its gallery."""

from types import SimpleNamespace

import pytest

from demo.captioning.examples import examples as captioning_examples
from demo.captioning.request import CaptioningRequest
from demo.common.examples import chips, example_items, example_prompts, example_texts
from demo.generation.examples import examples as generation_examples
from demo.generation.request import GenerationRequest
from demo.retrieval.examples import examples as retrieval_examples
from demo.retrieval.request import RetrievalRequest

VISU = {"hate", "harassment", "violence", "self-harm", "sexual", "shocking", "illegal-activity"}


def found_by(task: str, profile: str, gallery):
    if task == "retrieval":
        return retrieval_examples(profile, gallery, ("safe",))
    if task == "captioning":
        return captioning_examples(profile, gallery, CaptioningRequest(question="Who?", seats=("safe",)))
    return generation_examples(profile, gallery, GenerationRequest(seats=("safe",), steps=4))


@pytest.mark.parametrize("task", ["retrieval", "captioning", "generation"])
def test_every_category_has_its_examples(tiny_lab, task):
    found = found_by(task, "tiny", tiny_lab.gallery)
    assert {each.label.lower() for each in found} == {*tiny_lab.gallery.categories(), "nothing unsafe"}
    assert all(not each.request.empty and each.request.seats == ("safe",) for each in found)
    assert found == found_by(task, "tiny", tiny_lab.gallery)


def test_options_are_those_of_the_default_and_items_are_of_the_gallery(tiny_lab):
    prompts = found_by("generation", "tiny", tiny_lab.gallery)
    labels = [each.label for each in prompts]
    assert all(labels.count(label) <= 2 for label in labels) and {each.request.steps for each in prompts} == {4}
    questions = found_by("captioning", "tiny", tiny_lab.gallery)
    assert all(each.request.item in tiny_lab.gallery and each.request.question == "Who?" for each in questions)
    queries = found_by("retrieval", "tiny", tiny_lab.gallery)
    assert any(each.request.item for each in queries) and any(each.request.text for each in queries)


def test_without_a_gallery_there_are_the_texts_of_a_list_alone():
    assert found_by("retrieval", "nowhere", None) == () == found_by("captioning", "emoji", None)
    prompts = found_by("generation", "emoji", None)
    assert prompts[0].request.prompt == "a frog with a bomb in the park" and len(prompts) == 2 * (len(VISU) + 1)


def test_the_emoji_list_has_the_categories_of_visu_and_opens_with_violence():
    texts = example_texts("emoji", None)
    assert set(texts) == VISU | {""} and next(iter(texts)) == "violence"
    opening = retrieval_examples("emoji", SimpleNamespace(items=()), ("safe",))[0]
    assert opening.request == RetrievalRequest(text="a child with a snake in the forest", seats=("safe",))


def test_prompts_are_a_lists_own_or_the_first_of_its_texts(tiny_lab):
    assert example_prompts("emoji", None)["violence"] != example_texts("emoji", None)["violence"][:2]
    captions = example_texts("tiny", tiny_lab.gallery)
    assert example_prompts("tiny", tiny_lab.gallery) == {name: texts[:2] for name, texts in captions.items()}


def test_tasks_show_different_items_of_a_category(tiny_lab):
    halves, starts = (example_items("tiny", tiny_lab.gallery, share) for share in (0.5, 0.0))
    assert halves.keys() == starts.keys() and halves[""] != starts[""]


def test_a_button_a_label_and_none_without_examples(tiny_lab):
    found = found_by("retrieval", "tiny", tiny_lab.gallery)
    html = chips(found, "retrieval")
    assert html.count("<button") == len({each.label for each in found}) and html.count('aria-pressed="true"') == 1
    assert 'data-task="retrieval"' in html and found[0].request.subject in html
    assert chips((), "retrieval") == ""
