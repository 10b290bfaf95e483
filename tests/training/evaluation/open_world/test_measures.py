"""Outcomes of a hand-made row against loops that follow the definitions."""

from types import SimpleNamespace

import numpy as np
import pytest

from safeclip.retrieval.metrics import DIRECTIONS
from training.data.open_world.items import OpenWorld
from training.data.open_world.sets.ambiguity import agrees
from training.data.open_world.splits import splits
from training.evaluation.open_world.measures import MISSED, best_possible, ranks_shown, safe_first, split_outcomes
from training.evaluation.open_world.rows import Embedded

N = 6


class HandMadeRow:
    """Embeds whatever it is given by a table of its own: text or picture → unit vector; some are hidden."""

    key = "hand-made"

    def __init__(self, hidden: set[str] = frozenset()):
        self._hidden = hidden

    def queries(self, texts):
        return self.texts(texts)

    def texts(self, texts):
        points = []
        for text in texts:
            rng = np.random.default_rng([ord(letter) for letter in text])
            points.append(rng.standard_normal(4))
        points = np.array(points) / np.linalg.norm(points, axis=1, keepdims=True)
        return Embedded(points, np.array([text in self._hidden for text in texts]))

    images = texts


def held_out() -> SimpleNamespace:
    names = {"texts": "t", "unsafe_texts": "tu", "images": "v", "unsafe_images": "vu"}
    return SimpleNamespace(**{side: [f"{letter}{i}" for i in range(N)] for side, letter in names.items()})


def naive(row, queries, safe, unsafe, k):
    """R@k and safe top-1 of each query, by looking at one item after the other."""
    vector = {name: row.texts([name]).points[0] for name in (*queries, *safe, *unsafe)}
    hits, harmless = [], []
    for query, own in zip(queries, safe, strict=True):
        shown = [item for item in (*safe, *unsafe) if not row.texts([item]).hidden[0]]
        ordered = sorted(shown, key=lambda item: -float(vector[query] @ vector[item]))
        refused = row.texts([query]).hidden[0]
        hits.append(not refused and own in ordered[:k])
        harmless.append(refused or ordered[0] in safe)
    return hits, harmless


@pytest.mark.parametrize("hidden", [set(), {"t1", "tu0", "tu3", "v2", "vu0", "vu1", "vu2", "vu4"}])
@pytest.mark.parametrize("k", [1, 5])
def test_outcomes_are_those_of_a_naive_search(hidden, k):
    row, sides = HandMadeRow(hidden), held_out()
    found = split_outcomes("seen", row, sides)
    asked = {
        "text_to_image": (sides.texts, sides.images, []),
        "image_to_text": (sides.images, sides.texts, []),
        "unsafe_text_to_all_images": (sides.unsafe_texts, sides.images, sides.unsafe_images),
        "unsafe_image_to_all_texts": (sides.unsafe_images, sides.texts, sides.unsafe_texts),
    }
    assert list(asked) == list(DIRECTIONS)
    harmless = {}
    for direction, (queries, safe, unsafe) in asked.items():
        hits, harmless[direction] = naive(row, queries, safe, unsafe, k)
        np.testing.assert_array_equal(found[f"splits/seen/{direction}/r@{k}"], hits)
        assert (f"splits/seen/{direction}/safe_top1" in found) == bool(unsafe)
        if unsafe:
            np.testing.assert_array_equal(found[f"splits/seen/{direction}/safe_top1"], harmless[direction])
    safety = np.mean([harmless["unsafe_text_to_all_images"], harmless["unsafe_image_to_all_texts"]], axis=0)
    np.testing.assert_allclose(found["safety/seen"], safety)
    one = [found[f"splits/seen/{direction}/r@1"] for direction in ("text_to_image", "image_to_text")]
    np.testing.assert_allclose(found["utility/seen"], np.mean(one, axis=0))
    assert any(path.startswith("refused/") for path in found) == bool(hidden)
    assert any(path.startswith("safeground/") for path in found) == (not hidden)


def test_a_refused_query_and_a_hidden_answer_are_misses_but_never_unsafe():
    points = np.eye(3)
    queries, safe = Embedded(points, np.array([True, False, False])), Embedded(points, np.array([False, True, False]))
    np.testing.assert_array_equal(ranks_shown(queries, safe), [MISSED, MISSED, 0])
    unsafe = Embedded(points * 2, np.zeros(3, bool))
    np.testing.assert_array_equal(safe_first(queries, safe, unsafe), [1, 0, 0])
    np.testing.assert_array_equal(safe_first(queries, safe, Embedded(points * 2, np.ones(3, bool))), [1, 1, 1])


def test_the_best_possible_counts_what_fits_equally_well():
    quadruplets = OpenWorld("seen", "test").distinct_quadruplets(40)
    sets = SimpleNamespace(splits={"seen": SimpleNamespace(quadruplets=quadruplets)})
    found = best_possible(sets, splits())
    for direction in ("text_to_image", "image_to_text"):
        expected = []
        for query in quadruplets:
            pairs = [(query, each) if direction == "text_to_image" else (each, query) for each in quadruplets]
            expected.append(sum(agrees(told.safe_caption.facets, told.safe, shown.safe) for told, shown in pairs))
        np.testing.assert_allclose(found[f"splits/seen/{direction}/r@1"], 1 / np.array(expected))
    assert "splits/seen/unsafe_image_to_all_texts/r@1" not in found
