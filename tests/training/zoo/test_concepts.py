"""The thresholds and words by which the page says what is not of the world."""

import numpy as np
import pytest

from tests.fakes.language import write_wordnet
from training.data.language.wordnet import WordNet
from training.zoo.concepts import drawable_nouns, image_threshold, is_validation, likeness, word_threshold

NAMES = {f"thing {i}": [f"thing {i}", f"other name {i}"] for i in range(24)}


def encode(texts) -> np.ndarray:
    """A thing and its other name at cosine 0.9, different things at 0.5 or less."""
    points = []
    for text in texts:
        number = int(text.split()[-1])
        point = np.zeros(26)
        point[number], point[25] = 1.0, 1.0
        if text.startswith("other"):
            point[24] = np.sqrt(2 / 0.81 - 2)
        points.append(point / np.linalg.norm(point))
    return np.array(points)


def test_likeness_is_to_ones_own_first_name_or_to_the_nearest_other_concept():
    scores, same, chosen = likeness(NAMES, encode)
    np.testing.assert_allclose(scores[same], 0.9)
    np.testing.assert_allclose(scores[~same], 0.5)
    assert list(chosen[: len(NAMES)]) == [is_validation(name) for name in NAMES] and 0 < chosen.sum() < len(chosen)


def test_the_threshold_lies_between_other_names_and_other_concepts():
    threshold, errors = word_threshold(NAMES, encode)
    assert threshold == pytest.approx(0.7, abs=0.01) and errors == {"missed": 0, "taken": 0}


def test_words_that_are_nouns_first_of_all_and_can_be_drawn_are_foreign(tmp_path):
    found = drawable_nouns(WordNet(write_wordnet(tmp_path)), known={"spoon"})
    assert {"dog", "kitchen", "cook"} <= set(found)
    assert not {"spoon", "run", "red", "paris", "police officer"} & set(found)


def test_one_image_in_a_hundred_of_the_world_itself_is_called_far():
    rng = np.random.default_rng(0)
    gallery, images = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in rng.normal(size=(2, 1000, 8)))
    near = [max(float(image @ other) for other in gallery) for image in images]
    assert np.mean(np.array(near) < image_threshold(images, gallery)) == pytest.approx(0.01)
