from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.items import OpenWorld
from training.data.open_world.scenes.layouts import Layouts, Placement
from training.data.open_world.scenes.relations import relations
from training.data.open_world.scenes.scene import Entity, Scene

LAYOUTS = Layouts(relations(), lambda entity: (1.0, 0.9))
seeds = st.integers(0, 2**31 - 1)


def laid_out(relation: str, seed: int, shape: str = "pair", **counts: int) -> dict[str, Placement]:
    named = catalogue().by_name
    second = Entity(named["book"]) if shape == "trio" else None
    subject, thing = Entity(named["dog"]), Entity(named["chair"])
    scene = Scene(shape, named["park"], subject, thing, second, relation, layout=seed)
    return {placement.slot: placement for placement in LAYOUTS.of(scene)}


@given(seeds, st.sampled_from(["left of", "right of"]), st.sampled_from(["pair", "trio"]))
def test_left_is_left(seed, relation, shape):
    at = laid_out(relation, seed, shape)
    assert (at["subject"].x < at["object"].x) == (relation == "left of")


@given(seeds, st.sampled_from(["pair", "trio"]))
def test_under_and_on_top_are_opposites(seed, shape):
    under, on_top = laid_out("under", seed, shape), laid_out("on top of", seed, shape)
    assert under["object"].foot < under["subject"].foot - 0.25
    assert on_top["subject"].foot < on_top["object"].foot - 0.25


@given(seeds)
def test_the_object_in_front_is_drawn_last_and_stands_lower(seed):
    named = catalogue().by_name
    for relation, front in (("in front of", "subject"), ("behind", "object")):
        scene = Scene("pair", named["park"], Entity(named["dog"]), Entity(named["chair"]), None, relation, layout=seed)
        *_, last = LAYOUTS.of(scene)
        assert last.slot == front and last.foot == max(each.foot for each in LAYOUTS.of(scene))


@given(seeds)
def test_a_held_object_overlaps_and_one_beside_does_not(seed):
    held, beside = laid_out("holding", seed), laid_out("next to", seed)

    def gap(at: dict[str, Placement]) -> float:
        return abs(at["subject"].x - at["object"].x) - (at["subject"].size + at["object"].size) / 2

    assert gap(held) < -0.05 <= gap(beside) + 0.05


@pytest.fixture(scope="module")
def training() -> OpenWorld:
    return OpenWorld(seed=21)


@given(st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_everything_is_within_the_image_and_large_enough(training, index):
    scene = training.pair(index).scene
    placements = LAYOUTS.of(scene)
    assert {p.slot for p in placements if not p.mark} == {
        slot for slot in ("subject", "object", "second") if getattr(scene, slot)
    }
    for at in placements:
        assert at.foot <= 1.0 and at.foot - at.size >= -0.12
        assert at.x - at.size / 2 >= -0.12 and at.x + at.size / 2 <= 1.12
        assert at.size >= 0.1


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_as_many_copies_are_laid_out_as_are_counted(training, index):
    scene = training.pair(index).scene
    for slot in ("subject", "object", "second"):
        if entity := getattr(scene, slot):
            assert sum(at.slot == slot for at in LAYOUTS.of(scene)) == entity.count


def test_a_twin_is_laid_out_as_its_scene(training):
    scene = next(p for p in map(lambda i: training.pair(i).scene, range(99)) if p.shape == "pair")
    other = replace(scene, object=replace(scene.object, concept=catalogue().by_name["fork"]))
    assert LAYOUTS.of(other) == LAYOUTS.of(scene)


def test_big_is_larger_than_small():
    named = catalogue().by_name

    def side(size: str) -> float:
        scene = Scene("still", named["park"], object=Entity(named["chair"], size=size), layout=4)
        return LAYOUTS.of(scene)[0].size

    assert side("small") < 0.7 * side("") < side("") < side("big")
