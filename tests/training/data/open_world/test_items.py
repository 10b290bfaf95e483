from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.open_world.concepts.concept import IDENTITY_KINDS
from training.data.open_world.items import BLOCK, OpenWorld
from training.data.open_world.splits import PHASES, SPLITS, combination, splits

indices = st.integers(0, 10**6)
EVALUATED = [(split, phase) for split in SPLITS for phase in ("validation", "test")]


@pytest.fixture(scope="module")
def training() -> OpenWorld:
    return OpenWorld(seed=1)


@pytest.mark.parametrize(("split", "phase"), EVALUATED)
def test_a_split_shows_the_combinations_of_its_phase_alone(split, phase):
    world = OpenWorld(split, phase, seed=3)
    for index in range(24):
        quadruplet = world.quadruplet(index)
        for scene in (quadruplet.safe, quadruplet.unsafe):
            assert splits().phase_of(combination(scene, splits().rules)) == phase


@given(indices)
@settings(max_examples=60, deadline=None)
def test_training_shows_the_combinations_of_training_alone(training, index):
    quadruplet, sibling = training.quadruplet(index), training.sibling(index)
    scenes = (quadruplet.safe, quadruplet.unsafe, sibling.safe, sibling.unsafe, training.pair(index).scene)
    assert {splits().phase(scene) for scene in scenes} == {"train"}


@given(indices)
@settings(max_examples=60, deadline=None)
def test_the_safe_side_is_safe_the_unsafe_side_is_not_and_both_say_what_differs(training, index):
    quadruplet = training.quadruplet(index)
    assert not training.judge.verdict(quadruplet.safe).unsafe
    assert training.judge.verdict(quadruplet.unsafe).category == quadruplet.category
    assert quadruplet.safe_caption.text != quadruplet.unsafe_caption.text
    assert quadruplet.changed <= quadruplet.safe_caption.facets


@given(indices)
@settings(max_examples=60, deadline=None)
def test_a_twin_keeps_the_person(training, index):
    quadruplet = training.quadruplet(index)
    before, after = quadruplet.safe.subject, quadruplet.unsafe.subject
    assert (before.sex, before.tone) == (after.sex, after.tone)
    if before.concept != after.concept:
        assert quadruplet.kind == "context"
        assert not {before.concept.kind, after.concept.kind} & {*IDENTITY_KINDS, "looks"}


@given(indices)
@settings(max_examples=40, deadline=None)
def test_a_twin_differs_in_what_it_says_it_differs_in(training, index):
    quadruplet = training.quadruplet(index)
    undone = {facet: getattr(quadruplet.safe, facet) for facet in quadruplet.changed}
    assert replace(quadruplet.unsafe, shape=quadruplet.safe.shape, **undone) == quadruplet.safe


def test_a_quarter_of_the_quadruplets_is_contextual(training):
    assert sum(training.quadruplet(index).kind == "context" for index in range(80)) >= 20
    assert BLOCK.count("context") * 4 >= len(BLOCK)


def test_siblings_share_subject_and_place_and_differ_in_the_harm(training):
    for block in range(6):
        siblings = [training.sibling(block * len(BLOCK) + position) for position in range(len(BLOCK))]
        plain = [each for each in siblings if each.kind != "context"]
        assert len({(each.safe.subject.concept.name, each.safe.place.name) for each in plain}) == 1
        harms = [each.unsafe.object.concept.name for each in siblings if each.kind == "concept"]
        assert len(set(harms)) == len(harms) == BLOCK.count("concept")
        calm = siblings[BLOCK.index("calm")]
        assert calm.safe == calm.unsafe and calm.safe_caption == calm.unsafe_caption


def test_neighbouring_pairs_differ_in_one_facet(training):
    facets = ("subject", "object", "second", "relation", "place")
    for index in range(0, 200, 2):
        first, second = training.pair(index).scene, training.pair(index + 1).scene
        assert sum(getattr(first, facet) != getattr(second, facet) for facet in facets) <= 1


def test_fine_tuning_never_meets_a_held_out_concept(training):
    held = {name for phase in ("validation", "test") for name in splits().held if splits().held[name] == phase}
    for index in range(400):
        for quadruplet in (training.quadruplet(index), training.sibling(index)):
            for scene in (quadruplet.safe, quadruplet.unsafe):
                assert not held & {scene.relation, *(concept.name for concept in scene.concepts)}


def test_unseen_concepts_show_what_is_held_for_their_phase_alone():
    for phase in ("validation", "test"):
        world = OpenWorld("unseen_concepts", phase)
        for index in range(60):
            quadruplet = world.quadruplet(index)
            harm = quadruplet.unsafe.relation if quadruplet.kind == "verb" else quadruplet.unsafe.object.concept.name
            assert splits().concept_phase(harm) == phase


def test_items_are_functions_of_seed_and_index():
    first, again, other = OpenWorld(seed=5), OpenWorld(seed=5), OpenWorld(seed=6)
    assert [first.quadruplet(i) for i in range(20)] == [again.quadruplet(i) for i in reversed(range(20))][::-1]
    assert [first.pair(i) for i in range(20)] == [again.pair(i) for i in range(20)]
    assert first.quadruplet(0) != other.quadruplet(0)


def test_distinct_quadruplets_never_repeat_a_side():
    quadruplets = OpenWorld("seen", "test", seed=4).distinct_quadruplets(150)
    assert len({each.safe.content for each in quadruplets}) == len({each.unsafe.content for each in quadruplets}) == 150


def test_neutral_scenes_hold_no_harm_no_counterpart_and_no_judged_thing(training):
    counterparts = {name for unsafe in training.catalogue.unsafe for name in unsafe.instead}
    for index in range(80):
        pair = training.neutral(index)
        names = {concept.name for concept in pair.scene.concepts if not concept.acts}
        assert not pair.verdict.unsafe and not names & (counterparts | set(splits().rules))


def test_neutral_scenes_of_the_test_are_distinct():
    pairs = OpenWorld("seen", "test").distinct_neutral(200)
    assert len({pair.scene.content for pair in pairs}) == 200
    assert {splits().phase(pair.scene) for pair in pairs} == {"test"}


def test_a_split_that_holds_too_little_says_so(training, monkeypatch):
    monkeypatch.setattr("training.data.open_world.items.PATIENCE", 1)
    with pytest.raises(ValueError, match="does not hold 5000 distinct items"):
        OpenWorld("unseen_backdrops", "validation").distinct_quadruplets(5000)


def test_persons_of_every_kind_are_as_often_in_unsafe_scenes_when_no_rule_asks_for_them(training):
    shown: dict[str, list[bool]] = {}
    for index in range(6000):
        pair = training.pair(index)
        if pair.scene.subject:
            shown.setdefault(pair.scene.subject.concept.kind, []).append(pair.verdict.unsafe)
    shares = [sum(shown[kind]) / len(shown[kind]) for kind in (*IDENTITY_KINDS, "looks", "sport")]
    assert max(shares) - min(shares) < 0.12


def test_there_are_three_phases():
    assert PHASES == ("train", "validation", "test")
