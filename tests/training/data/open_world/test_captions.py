import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.open_world.items import OpenWorld
from training.data.open_world.language.captions import FORM_SPLITS, facets_of, sentence_forms
from training.data.open_world.scenes.scene import SHAPES

indices = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def training() -> OpenWorld:
    return OpenWorld(seed=11)


def all_forms(split: str) -> list[str]:
    return [form for splits in sentence_forms().values() for form in splits[split]]


def test_there_are_as_many_sentence_forms_as_promised():
    assert set(sentence_forms()) == set(SHAPES)
    assert sum(len(all_forms(split)) for split in FORM_SPLITS) >= 150
    assert len(all_forms("test")) >= 40


def test_no_form_stands_in_two_splits():
    for first in FORM_SPLITS:
        for second in FORM_SPLITS:
            if first != second:
                for splits in sentence_forms().values():
                    assert not set(splits[first]) & set(splits[second])


@given(indices)
@settings(max_examples=150, deadline=None)
def test_every_form_of_a_shape_words_every_scene_of_it(training, index):
    scene = training.pair(index).scene
    for split in FORM_SPLITS:
        for number in range(8):
            caption = training.captioner.caption(scene, f"seed {number}", split)
            assert caption.text == caption.text.lower() and "  " not in caption.text
            assert "{" not in caption.text and "  " not in caption.text
            assert facets_of(caption.form) <= caption.facets


@given(indices)
@settings(max_examples=80, deadline=None)
def test_a_caption_names_what_it_says_it_mentions(training, index):
    scene = training.pair(index).scene
    caption = training.captioner.caption(scene, str(index), misspelt=0.0)
    if "place" in caption.facets:
        assert any(phrase in caption.text for phrase in scene.place.phrases)
    for slot in ("object", "second"):
        entity = getattr(scene, slot)
        if slot in caption.facets and entity.color and entity.concept.colorable:
            assert entity.color in caption.text or "violet" in caption.text or "gray" in caption.text


def test_other_forms_show_the_same_scene_in_other_words(training):
    scene = training.pair(5).scene
    captions = {training.captioner.caption(scene, str(seed)).text for seed in range(40)}
    assert len(captions) > 25


def test_a_caption_that_needs_a_facet_mentions_it(training):
    for index in range(60):
        scene = training.pair(index).scene
        caption = training.captioner.caption(scene, str(index), needs=frozenset({"place"}))
        assert "place" in caption.facets


def test_some_captions_are_misspelt(training):
    scene = training.pair(3).scene
    clean = [training.captioner.caption(scene, str(seed), misspelt=0.0).text for seed in range(300)]
    typed = [training.captioner.caption(scene, str(seed)).text for seed in range(300)]
    assert 3 <= sum(a != b for a, b in zip(clean, typed, strict=True)) <= 40
