import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.items import OpenWorld
from training.data.open_world.scenes.facts import facts_of, swapped_statement
from training.data.open_world.scenes.relations import relations
from training.data.open_world.scenes.scene import Entity, Scene


def facts(scene: Scene) -> dict[tuple[str, str], str]:
    return {(f.kind, f.slot): f.answer for f in facts_of(scene, relations(), catalogue().attributes)}


def test_facts_tell_count_colour_size_relation_and_place():
    named = catalogue().by_name
    balloons = Entity(named["balloon"], count=3, color="blue")
    scene = Scene("pair", named["park"], Entity(named["dog"]), balloons, None, "left of")
    assert facts(scene) == {
        ("place", "scene"): "park",
        ("object", "subject"): "dog",
        ("count", "subject"): "one",
        ("object", "object"): "balloon",
        ("count", "object"): "three",
        ("color", "object"): "blue",
        ("relation", "scene"): "left of",
    }


@pytest.fixture(scope="module")
def training() -> OpenWorld:
    return OpenWorld(seed=31)


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_the_true_answer_is_among_the_choices_and_not_alone(training, index):
    for fact in facts_of(training.pair(index).scene, relations(), catalogue().attributes):
        if fact.choices:
            assert fact.answer in fact.choices and len(set(fact.choices)) == len(fact.choices) >= 2


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_a_swapped_statement_is_another_one(training, index):
    scene = training.pair(index).scene
    if scene.shape not in ("pair", "trio", "still_two"):
        with pytest.raises(ValueError, match="no spatial relation"):
            swapped_statement(scene, random.Random(0))
        return
    true, false = swapped_statement(scene, random.Random(index))
    assert true != false and scene.relation in true
