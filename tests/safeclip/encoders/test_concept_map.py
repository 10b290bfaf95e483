"""Words of a query that a small world has no picture of."""

import json

import numpy as np
import pytest

from safeclip.encoders.concept_map import ConceptMap
from safeclip.errors import ProfileError

MEANINGS = {
    "seal": (1, 0, 0),
    "fire truck": (0, 1, 0),
    "dog": (0.6, 0, 0.8),
    "walrus": (0.8, 0.6, 0),
    "puppy": (0.6, 0.1, 0.78),
    "ferry": (0.5, 0.7, 0.1),
}
NAMES = {"seal": ["seal"], "fire engine": ["fire truck"], "dog": ["dog"]}
NOUNS = ("walrus", "puppy", "ferry", "ice", "seal")


@pytest.fixture
def encoded() -> list[list[str]]:
    return []


@pytest.fixture
def concepts(encoded) -> ConceptMap:
    def encode(texts):
        encoded.append(list(texts))
        points = np.array([MEANINGS[text] for text in texts], float)
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    return ConceptMap(NAMES, NOUNS, 0.9, encode, image_threshold=0.5)


def test_the_nearest_by_meaning_is_named(concepts):
    (found,) = concepts.foreign("A walrus swims quickly")
    assert (found.word, found.nearest) == ("walrus", "seal") and found.cosine == pytest.approx(0.8)
    told = "“walrus” is not in this world; nearest: walrus → seal (cosine 0.80; the same thing from 0.90)."
    assert str(found) == told


def test_plurals_and_other_names_are_known(concepts, encoded):
    assert concepts.foreign("two seals, some trucks and dogs on fire") == []
    assert len(encoded) == 1, "known words need no encoder"
    assert concepts.foreign("a puppy") == []  # near enough to be a dog


def test_what_is_no_noun_is_never_foreign(concepts):
    assert concepts.foreign("jumping 3 gorgeous") == []
    assert concepts.is_noun("ferries") and not concepts.is_noun("jumping")


def test_several_words_are_told_in_their_order(concepts, encoded):
    assert [found.nearest for found in concepts.foreign("the ferry, the walrus, the ferry")] == ["fire engine", "seal"]
    assert encoded[1:] == [["ferry", "walrus"]]


def test_an_image_is_far_below_the_threshold(concepts):
    assert concepts.is_far(0.4) and not concepts.is_far(0.5)
    assert not ConceptMap(NAMES, NOUNS, 0.9, lambda texts: np.ones((len(texts), 1))).is_far(0.0)


def test_a_file_reads_back_and_a_faulty_one_is_named(tmp_path):
    file = tmp_path / "concepts.json"
    file.write_text(json.dumps({"names": NAMES, "nouns": " ".join(NOUNS), "threshold": 0.9, "image_threshold": 0.25}))
    read = ConceptMap.open(file, lambda texts: np.ones((len(texts), 1)))
    assert (read.threshold, read.image_threshold) == (0.9, 0.25)
    for content in ("[1]", "{", '{"names": {}}'):
        file.write_text(content)
        with pytest.raises(ProfileError, match="concepts.json: these are no concepts"):
            ConceptMap.open(file, lambda texts: np.ones((len(texts), 1)))
