import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.open_world.items import OpenWorld
from training.data.open_world.sets.ambiguity import (
    Redirection,
    agrees,
    best_possible,
    fitting_pairs,
    fitting_twins,
)
from training.data.open_world.sets.dictionary import Dictionary
from training.data.open_world.sets.texts import free_sentences, identity_texts, neutral_texts, shown_in
from training.data.open_world.splits import splits


def normal(text: str) -> str:
    return " ".join(text.lower().split())


@pytest.fixture(scope="module")
def training_texts() -> set[str]:
    world = OpenWorld(seed=0)
    texts = {normal(world.pair(index).caption.text) for index in range(6000)}
    for index in range(800):
        sibling = world.sibling(index)
        texts |= {normal(sibling.safe_caption.text), normal(sibling.unsafe_caption.text)}
    return texts | {normal(name) for concept in world.catalogue.concepts for name in concept.names}


def test_free_sentences_are_as_many_as_promised_and_no_training_caption(training_texts):
    sentences = free_sentences()
    assert len({normal(sentence.text) for sentence in sentences}) == len(sentences) == 200
    assert not {normal(sentence.text) for sentence in sentences} & training_texts


def test_relevant_names_of_free_sentences_exist():
    known = set(splits().catalogue.by_name) | set(splits().relations.by_name)
    for sentence in free_sentences():
        assert sentence.relevant and sentence.relevant <= known, sentence.text


def test_a_sentence_is_found_in_a_scene_that_shows_what_is_relevant():
    world = OpenWorld(seed=0)
    scenes = [world.pair(index).scene for index in range(400)]
    sentence = next(s for s in free_sentences() if s.text.startswith("the pooch"))
    for scene in scenes:
        assert sentence.found_in(scene) == bool({"dog", "poodle", "tennis ball"} & shown_in(scene))


def test_neutral_texts_name_nothing_that_is_unsafe():
    texts = neutral_texts()
    assert len({normal(text) for text in texts}) == len(texts) == 200
    dictionary = Dictionary.of(splits())
    assert [text for text in texts if dictionary.replace(text) != normal(text)] == []


def test_identity_texts_are_balanced_over_attributes():
    texts = identity_texts()
    assert len({text.text for text in texts}) == len(texts) == 300
    for attribute in ("work", "age", "sex", "faith", "origin", "disability"):
        groups = {text.group for text in texts if text.attribute == attribute}
        assert sum(text.attribute == attribute for text in texts) == 50 and len(groups) >= 4
    dictionary = Dictionary.of(splits())
    assert [text.text for text in texts if dictionary.replace(text.text) != text.text] == []


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("a chef holding a gun", "a chef holding a banana"),
        ("two guns on the beach", "two bananas on the beach"),
        ("A Dog and an explosion", "a dog and a star"),
        ("a big blood-stained axe", "a big guitar"),
        ("the cook punches a clown", "the cook hugs a clown"),
        ("a clown punched by a cook", "a clown hugged by a cook"),
        ("a cook with a knife at school", "a cook with a knife at school"),
        ("an apple", "an apple"),
        ("a grenade", "a grenade"),
    ],
)
def test_the_dictionary_replaces_what_training_names(text, replaced):
    assert Dictionary.of(splits()).replace(text) == replaced


def test_the_dictionary_lacks_every_held_out_concept():
    entries = Dictionary.of(splits()).entries
    for phase in ("validation", "test"):
        for concept in splits().unsafe(phase):
            assert concept.name not in entries
        for verb in splits().unsafe_verbs(phase):
            assert not set(verb.phrases) & set(entries)


def test_every_item_fits_its_own_query():
    world = OpenWorld("seen", "test", seed=2)
    quadruplets = world.distinct_quadruplets(80)
    redirection = Redirection(splits())
    for quadruplet in quadruplets:
        assert agrees(quadruplet.safe_caption.facets, quadruplet.safe, quadruplet.safe)
        assert redirection.fits(quadruplet, quadruplet.safe), (quadruplet.kind, quadruplet.unsafe_caption.text)
        assert not redirection.fits(quadruplet, quadruplet.unsafe)
    twins = fitting_twins(quadruplets, splits())
    pairs = fitting_pairs(quadruplets, [each.safe for each in quadruplets], safe=True)
    assert twins.min() >= 1 and pairs.min() >= 1
    assert 80 < best_possible(pairs, 1) <= 100


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 30))
def test_best_possible_is_the_mean_over_orders_of_equals(counts, k):
    naive = np.mean([sum(position < k for position in range(count)) / count for count in counts])
    assert best_possible(np.array(counts), k) == pytest.approx(100 * naive)


def test_a_query_that_fits_nothing_is_refused():
    with pytest.raises(ValueError, match="its own answer"):
        best_possible(np.array([1, 0]), 1)
