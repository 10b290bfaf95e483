"""The thresholds and words by which the page says what is not of the world."""

import numpy as np
import pytest

from safeclip.encoders.concept_map import ConceptMap
from tests.fakes.language import WordCounter, write_wordnet
from training.data.language.wordnet import WordNet
from training.data.open_world.concepts.concept import Concept
from training.data.open_world.language.meanings import Meanings
from training.zoo.concepts import (
    Examples,
    drawable_nouns,
    image_threshold,
    is_validation,
    nearest_concepts,
    painter_table,
)

MORE = (
    (1000, "noun.animal", "seal", 1100, "a sea animal that eats fish"),
    (1100, "noun.animal", "pinniped", None, "a sea animal"),
    (1200, "noun.animal", "walrus", 1100, "a sea animal that eats fish with tusks"),
    (1300, "noun.artifact", "ladle", None, "a big spoon"),
    (1400, "noun.person", "lout", None, "an offensive term for a person"),
    (1500, "noun.animal", "sea_lion", 1100, "a big seal"),
    (1600, "noun.artifact", "running", None, "a thing that runs"),
)
CONCEPTS = (
    Concept(0, "cook", "work", also=("chef",)),
    Concept(1, "dog", "animal"),
    Concept(2, "seal", "animal"),
    Concept(3, "spoon", "thing"),
    Concept(4, "kitchen", "place", phrases=("in the kitchen",)),
    Concept(5, "pious person", "faith", also=("ladle",)),
)


class FirstSenses:
    """A lexicon by which a concept's sense is the first of its name."""

    def __init__(self, wordnet: WordNet):
        self.wordnet = wordnet

    def sense(self, concept: Concept):
        return next(iter(self.wordnet.noun_senses(concept.name)), None)


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory) -> WordNet:
    return WordNet(write_wordnet(tmp_path_factory.mktemp("wordnet"), MORE))


@pytest.fixture(scope="module")
def meanings(wordnet) -> Meanings:
    return Meanings(CONCEPTS, wordnet, FirstSenses(wordnet), WordCounter())


def test_what_names_a_concept_or_what_it_is_a_kind_of_is_drawn(meanings):
    assert meanings.is_drawn("pinniped") and meanings.is_drawn("chef") and meanings.is_drawn("structure")
    assert not meanings.is_drawn("walrus") and not meanings.is_drawn("pinniped", without=2)


def test_the_nearest_shares_the_tree_or_the_definition(meanings):
    walrus, spoon = meanings.similarities(["walrus", "spoon"])
    assert walrus.argmax() == 2 and spoon.argmax() == 3 and spoon.max() == pytest.approx(1)
    without = meanings.similarities(["spoon"], without_names=[[meanings.names.index("spoon")]])
    assert without[0, 3] < spoon[3], "its own name does not count"


def test_no_word_is_like_a_persons_faith(meanings):
    assert dict(nearest_concepts(meanings, ["walrus", "ladle"], 1.01, -1.0)) == {"walrus": "seal"}
    assert dict(nearest_concepts(meanings, ["walrus", "ladle"], 1.01, 1.0)) == {"walrus": ""}
    assert dict(nearest_concepts(meanings, ["walrus", "seal"], 0.0, 0.0)) == {}, "all are names of concepts"


def test_the_painters_nearest_is_among_what_it_learnt(meanings, wordnet):
    table = painter_table(wordnet, meanings, {"dog", "cook", "spoon"})
    assert table["painted"] == "cook, chef, dog, spoon"
    assert set(table["unpainted"]) == {"dog"} and table["unpainted"]["dog"] == "seal", "no place, and no faith"


def test_examples_are_other_names_and_the_names_of_other_concepts(meanings, wordnet):
    examples = Examples.of(meanings, wordnet)
    assert list(examples.same) == [False, True, False, False, False, False, True]  # cook, chef, dog, …, ladle
    assert list(examples.drawn) == [False, True, False, False, False, False, False]
    assert examples.similarities[1] > examples.similarities[0], "a chef is a cook, and a dog is none"


def test_a_threshold_is_chosen_on_one_half_and_its_errors_are_the_others():
    rng = np.random.default_rng(0)
    same, chosen = rng.random(400) < 0.5, rng.random(400) < 0.5
    drawn = same & (rng.random(400) < 0.3)
    similarities = np.where(same, 0.8, 0.4) + rng.uniform(-0.1, 0.1, 400)
    examples = Examples(similarities, same, drawn, chosen, same)
    assert 0.5 < examples.threshold() < 0.7 < examples.near() < 0.8
    assert examples.errors(examples.threshold()) == {"missed": 0, "taken": 0, "misnamed": 0}
    shifted = Examples(similarities - np.where(chosen, 0, 0.3), same, drawn, chosen, ~same)
    missed = 100 * np.mean(~drawn[same & ~chosen])
    assert shifted.errors(0.6) == {"missed": pytest.approx(missed, abs=0.1), "taken": 0, "misnamed": 100}


def test_half_of_the_concepts_choose():
    chosen = [is_validation(f"thing {i}") for i in range(100)]
    assert 30 < sum(chosen) < 70


def test_words_that_are_nouns_first_of_all_and_can_be_drawn_are_foreign(wordnet):
    found = set(drawable_nouns(wordnet, known={"spoon"}))
    assert {"dog", "kitchen", "cook", "walrus"} <= found
    assert not {"spoon", "run", "red", "paris", "police officer", "sea lion", "lout", "running"} & found
    assert ConceptMap({"seal": found}).foreign("a red walrus")[0].word == "walrus"


def test_one_image_in_a_hundred_of_the_world_itself_is_called_far():
    rng = np.random.default_rng(0)
    gallery, images = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in rng.normal(size=(2, 1000, 8)))
    near = [max(float(image @ other) for other in gallery) for image in images]
    assert np.mean(np.array(near) < image_threshold(images, gallery)) == pytest.approx(0.01)
