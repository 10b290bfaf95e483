from types import SimpleNamespace

import pytest

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.scenes.scene import Entity, Scene
from training.evaluation.composition import composition_accuracy

NAMED, PARK = catalogue().by_name, catalogue().by_name["park"]
DOG = Entity(NAMED["dog"])


def read(counts: dict[str, int], color: str = "", side: str = "") -> SimpleNamespace:
    """A reading that answers what it is told to."""
    return SimpleNamespace(count=counts.__getitem__, color=lambda name: color, relation=lambda first, other: side)


def test_each_property_is_counted_over_the_scenes_that_have_it():
    apples = Entity(NAMED["apple"], count=3, color="blue")
    pairs = [
        (Scene("pair", PARK, DOG, apples, relation="left of"), read({"dog": 1, "apple": 3}, "blue", "left of")),
        (Scene("pair", PARK, DOG, apples, relation="under"), read({"dog": 1, "apple": 2}, "red", "above")),
        (Scene("pair", PARK, DOG, Entity(NAMED["tent"]), relation="holding"), read({"dog": 2, "tent": 1})),
        (Scene("still_two", PARK, None, apples, apples, "right of"), read({}, "", "left of")),  # which is which?
    ]
    figures = composition_accuracy(*zip(*pairs, strict=True))
    assert figures == {
        "count": pytest.approx(100 * 4 / 6),
        "count_n": 6,
        "several": 50.0,
        "several_n": 2,
        "color": 50.0,
        "color_n": 2,
        "side": 50.0,
        "side_n": 2,
    }


def test_what_no_scene_has_is_left_out():
    figures = composition_accuracy([Scene("alone", PARK, DOG)], [read({"dog": 1})])
    assert figures == {"count": 100.0, "count_n": 1}
