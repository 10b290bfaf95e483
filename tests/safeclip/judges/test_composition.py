from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from safeclip.errors import JudgeError
from safeclip.judges.images.composition import Composition, compositions, read_compositions
from safeclip.judges.images.scene_classifier import SceneClassifier
from tests.safeclip.judges.scene_classifiers import CONCEPTS, CONFIG, make_scene_classifier

COLORS = ("red", "blue")
SEEN = replace(CONFIG, colors=COLORS)  # 4 × 4 patches
NAMES = [concept.name for concept in CONCEPTS]


def painted(**at: list[tuple[int, int]]) -> Composition:
    """A composition in which the named concepts have sprites of one patch at (row, column), and the beach the rest."""
    grid = SEEN.grid
    concepts, centres = np.zeros((grid, grid, len(NAMES))), np.zeros((grid, grid))
    concepts[..., NAMES.index("beach")] = 1
    colors = np.full((grid, grid, 2), 0.5)
    for name, cells in at.items():
        for row, column in cells:
            concepts[row, column] = np.eye(len(NAMES))[NAMES.index(name)]
            centres[row, column] = 1
    return Composition(SEEN, *(table.reshape(grid**2, *table.shape[2:]) for table in (concepts, centres, colors)))


def test_copies_are_counted_by_their_centres():
    composition = painted(spoon=[(0, 0), (0, 2), (3, 1)], bomb=[(2, 3)])
    assert [composition.count(name) for name in ("spoon", "bomb", "knife")] == [3, 1, 0]
    assert [composition.presence(name) for name in ("spoon", "knife")] == [1, 0]
    between = painted(spoon=[(1, 1), (1, 2)])
    between.centres *= 0.5  # one sprite on the edge of two patches
    assert between.count("spoon") == 1 and between.centre("spoon") == pytest.approx((0.5, 0.375))


@pytest.mark.parametrize(
    ("spoon", "bomb", "relation"),
    [
        ([(2, 0)], [(3, 3)], "left of"),
        ([(2, 3)], [(2, 0)], "right of"),
        ([(0, 1)], [(3, 2)], "above"),
        ([(3, 1)], [(0, 1)], "below"),
        ([(0, 0), (0, 2)], [(3, 1)], "above"),
        ([(0, 0)], [], ""),
    ],
)
def test_the_longer_way_between_two_things_names_the_side(spoon, bomb, relation):
    composition = painted(spoon=spoon, bomb=bomb)
    assert composition.relation("spoon", "bomb") == relation


def test_a_colour_is_read_where_its_thing_is_seen():
    composition = painted(spoon=[(0, 0)], bomb=[(3, 3)])
    composition.colors[0] = 0.1, 0.9
    composition.colors[15] = 0.8, 0.2
    assert (composition.color("spoon"), composition.color("bomb")) == ("blue", "red")


def test_an_animal_counts_in_both_of_its_roles():
    config = replace(SEEN, concepts=(*CONCEPTS[:2], replace(CONCEPTS[0], kind="safe"), *CONCEPTS[2:]))
    concepts = np.zeros((16, 8))
    concepts[0, [0, 2]] = 0.5
    composition = Composition(config, concepts, np.ones(16), np.zeros((16, 2)))
    assert composition.count("dog") == 1


def test_what_a_network_says_is_read_as_probabilities(tmp_path):
    torch.manual_seed(0)
    model = SceneClassifier(SEEN).eval()
    model.save_pretrained(tmp_path)
    loaded = SceneClassifier.from_pretrained(tmp_path)
    images = [Image.new("RGB", (40, 20), color) for color in ("red", "white")]
    first, second = read_compositions(loaded, images)
    with torch.no_grad():
        logits = loaded(loaded.pixels(images))
    assert first.presence("bomb") == pytest.approx(float(logits.patches[0].softmax(-1)[:, NAMES.index("bomb")].max()))
    centres, bombs = logits.centres[1].sigmoid(), logits.patches[1].softmax(-1)[:, NAMES.index("bomb")]
    assert second.expected_count("bomb") == pytest.approx(float(centres @ bombs), rel=1e-5)
    assert read_compositions(loaded, []) == []
    with pytest.raises(JudgeError, match="does not know “unicorn”"):
        first.count("unicorn")


def test_a_classifier_without_centres_and_colours_says_so():
    classifier = make_scene_classifier()
    with pytest.raises(JudgeError, match="not trained to see centres"):
        compositions(CONFIG, classifier(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)))
