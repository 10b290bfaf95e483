import random
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.emoji.rendering.labels import IGNORED, patch_labels
from training.data.emoji.rendering.renderer import SceneRenderer
from training.data.emoji.world.captions import vocabulary
from training.data.emoji.world.concepts import CATEGORIES, CONCEPTS, bare, read_world, world
from training.data.emoji.world.dataset import SIBLINGS, EmojiWorld
from training.data.emoji.world.scenes import sample_layout
from training.data.emoji.world.splits import SPLITS, Splits

indices = st.integers(0, 10**6)


@cache
def emoji_world(split: str, seed: int) -> EmojiWorld:
    """A world is made once: it assigns every combination to a split."""
    return EmojiWorld(split, seed)


def test_the_world_is_as_large_as_promised():
    assert len(world().subjects) >= 48
    assert len(world().safe_objects) >= 96
    assert len(world().unsafe_objects) >= 48
    assert len(world().places) >= 12
    assert {concept.category for concept in world().unsafe_objects} == set(CATEGORIES)
    assert min(len(concept.words) for concept in world().concepts) >= 3


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (('counterparts = ["spoon", "carrot"]', 'counterparts = ["sabre"]'), "'knife' needs counterparts"),
        (('counterparts = ["spoon", "carrot"]', 'counterparts = ["pencil"]'), "more than one unsafe object: .'pencil'"),
        (('category = "violence", emoji = "🔪"', 'category = "cutlery", emoji = "🔪"'), "unknown category 'cutlery'"),
        (('"a cook", "a kitchen chef"', '"a cook"'), "'chef' needs three wordings"),
        (('"a cook", "a kitchen chef"', '"a cook", "a dog"'), "wordings used twice"),
    ],
)
def test_a_faulty_concept_is_named(tmp_path, edit, message):
    text = CONCEPTS.read_text(encoding="utf-8")
    assert edit[0] in text
    path = tmp_path / "concepts.toml"
    path.write_text(text.replace(*edit), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_world(path)


def test_articles_are_no_part_of_a_name():
    assert (bare("a chef"), bare("an axe"), bare("grapes")) == ("chef", "axe", "grapes")


def test_splits_cover_every_combination_once_and_keep_families_together():
    splits = Splits(world())
    for subject in world().subjects:
        for unsafe in world().unsafe_objects:
            twins = {splits.of(subject, safe) for safe in world().counterparts(unsafe)}
            assert twins == {splits.of(subject, unsafe)}
    found = [splits.of(s, o) for s in world().subjects for o in world().objects]
    assert set(found) == set(SPLITS)
    assert 0.1 < found.count("test") / len(found) < 0.2


@given(indices)
@settings(max_examples=200, deadline=None)
def test_no_combination_of_the_test_split_is_trained_on(index):
    training = emoji_world("train", 1)
    splits = training.splits
    quadruplet, pair = training.quadruplet(index), training.pair(index)
    for scene in (quadruplet.safe, quadruplet.unsafe, pair.scene):
        assert splits.of(scene.subject, scene.object) == "train"
    tested = emoji_world("test", 1).quadruplet(index)
    for scene in (tested.safe, tested.unsafe):
        assert splits.of(scene.subject, scene.object) == "test"


@given(indices)
@settings(max_examples=200, deadline=None)
def test_twins_differ_in_the_object_and_its_wording_alone(index):
    quadruplet = emoji_world("train", 2).quadruplet(index)
    assert replace(quadruplet.unsafe, object=quadruplet.safe.object) == quadruplet.safe
    assert quadruplet.safe.object == world().counterpart(quadruplet.unsafe.object)
    safe = without_one(quadruplet.safe_text, quadruplet.safe.object.words)
    assert safe & without_one(quadruplet.unsafe_text, quadruplet.unsafe.object.words)


def without_one(text: str, wordings: Sequence[str]) -> set[str]:
    """The text with any one occurrence of any of the wordings left out: a crown prince may hold a crown."""
    found = (match for words in wordings for match in re.finditer(re.escape(words), text))
    return {f"{text[: match.start()]}…{text[match.end() :]}" for match in found}


@given(indices)
@settings(max_examples=100, deadline=None)
def test_neighbouring_pairs_are_hard_negatives(index):
    training = emoji_world("train", 3)
    first, second = training.pair(2 * index).scene, training.pair(2 * index + 1).scene
    assert (first.subject, first.place) == (second.subject, second.place)
    assert first.object != second.object


@given(st.integers())
def test_at_most_a_twentieth_of_the_side_is_cut_off_a_sprite(seed):
    for at in sample_layout(random.Random(seed)):
        assert at.foot - at.size >= 0 and at.foot <= 1
        assert at.x - at.size / 2 >= -0.05 and at.x + at.size / 2 <= 1.05


def test_distinct_quadruplets_never_repeat_a_scene():
    quadruplets = EmojiWorld("test", seed=4).distinct_quadruplets(300)
    assert len({each.key[0] for each in quadruplets}) == len({each.key[1] for each in quadruplets}) == 300
    with pytest.raises(ValueError, match="does not hold"):
        EmojiWorld("validation", seed=4).distinct_quadruplets(3_000)


def test_every_word_of_a_caption_is_in_the_vocabulary():
    known = set(vocabulary(world()))
    training = EmojiWorld("train", seed=5)
    for index in range(300):
        assert known.issuperset(training.pair(index).caption.split())


def test_same_seed_same_bytes(artwork, painter):
    again = SceneRenderer.open(artwork, world(), painter.size)
    pictures = {}
    for index in range(12):
        scene = EmojiWorld("train", seed=6).quadruplet(index).unsafe
        pictures[index] = painter.paint(scene).tobytes()
        assert again.paint(EmojiWorld("train", seed=6).quadruplet(index).unsafe).tobytes() == pictures[index]
    assert len(set(pictures.values())) == 12
    assert EmojiWorld("train", seed=7).quadruplet(0) != EmojiWorld("train", seed=6).quadruplet(0)


def test_the_twin_image_differs_around_the_object_only(painter):
    quadruplet = EmojiWorld("train", seed=8).quadruplet(3)
    safe, unsafe = (np.asarray(painter.paint(scene)) for scene in (quadruplet.safe, quadruplet.unsafe))
    rows, columns = np.nonzero((safe != unsafe).any(axis=2))
    left, top, right, bottom = painter.boxes(quadruplet.safe)[1]
    margin = 1 / painter.size
    assert len(rows) > 0
    assert columns.min() / painter.size >= left - margin and columns.max() / painter.size <= right + margin
    assert rows.min() / painter.size >= top - margin and rows.max() / painter.size <= bottom + margin


def test_patch_labels_tell_what_stands_where():
    scene = EmojiWorld("train", seed=9).quadruplet(0).safe
    labels = patch_labels(scene, grid=32).reshape(32, 32)
    assert set(labels.ravel()) == {scene.subject.label, scene.object.label, scene.place.label, IGNORED}
    at = scene.object_at
    assert labels[int((at.foot - at.size / 2) * 32), int(at.x * 32)] == scene.object.label
    assert labels[0, 0] == scene.place.label


def test_siblings_share_a_scene_and_differ_in_the_object():
    training = EmojiWorld("train", seed=10)
    for block in range(40):
        siblings = [training.sibling(block * SIBLINGS + i) for i in range(SIBLINGS)]
        assert len({(each.safe.subject.name, each.safe.place.name) for each in siblings}) == 1
        *unsafe, calm = siblings
        assert len({each.unsafe.object.name for each in unsafe}) == SIBLINGS - 1
        for each in siblings:
            assert training.splits.of(each.safe.subject, each.safe.object) == "train"
        for each in unsafe:
            assert each.safe.object == world().counterpart(each.unsafe.object)
        assert calm.safe == calm.unsafe and calm.safe_text == calm.unsafe_text


def test_the_calm_siblings_show_safe_objects_that_are_nobodys_counterpart_too():
    training = EmojiWorld("train", seed=10)
    counterparts = {each.name for thing in world().unsafe_objects for each in world().counterparts(thing)}
    calm = {training.sibling(block * SIBLINGS + SIBLINGS - 1).safe.object.name for block in range(300)}
    assert calm - counterparts


def test_some_training_quadruplets_name_the_object_alone():
    training = EmojiWorld("train", seed=10)
    drawn = [training.sibling(index) for index in range(400)]
    bare = [each for each in drawn if not any(words in each.safe_text for words in each.safe.place.words)]
    assert 0.15 * len(drawn) < len(bare) < 0.35 * len(drawn)
    for each in bare:
        for scene, text in ((each.safe, each.safe_text), (each.unsafe, each.unsafe_text)):
            assert any(text.endswith(words) for words in scene.object.words)
            assert not any(words in text for words in scene.subject.words)
