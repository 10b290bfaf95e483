import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.emoji.paintings import CELLS, STYLE, Paintings
from training.data.emoji.world.concepts import world
from training.data.emoji.world.splits import SPLITS, Splits
from training.data.vae_batches import PaintingBatches


@pytest.mark.parametrize("split", SPLITS)
@given(st.sets(st.integers(0, 10**6), min_size=50, max_size=50))
@settings(max_examples=2)
def test_a_training_scene_belongs_to_its_split_and_stands_on_the_grid(split, indices):
    paintings, splits = Paintings(split, seed=1), Splits(world())
    for index in indices:
        assert_in_place(paintings.painting(index).scene, split, splits)


def assert_in_place(scene, split, splits):
    assert splits.of(scene.subject, scene.object) == split
    assert scene.style == STYLE
    for at in (scene.subject_at, scene.object_at):
        left, top = (at.x - at.size / 2) * CELLS, (at.foot - at.size) * CELLS
        assert left == round(left) and left >= 0 and left + at.size * CELLS <= CELLS
        assert top == round(top) and top >= 0 and at.foot <= 1


def test_objects_are_equally_frequent_and_nothing_else_is_rare():
    train = Paintings("train", seed=2)
    scenes = [train.painting(i).scene for i in range(20 * len(world().objects))]
    assert set(Counter(scene.object for scene in scenes).values()) == {20}
    assert {scene.object for scene in scenes} == set(world().objects)
    subjects, places = Counter(scene.subject for scene in scenes), Counter(scene.place for scene in scenes)
    assert len(subjects) == len(world().subjects) and max(subjects.values()) < 3 * min(subjects.values())
    assert len(places) == len(world().places) and max(places.values()) < 1.5 * min(places.values())
    assert len({(s.subject_at, s.object_at) for s in scenes}) == 8
    start = [scene.object.kind for scene in scenes[:50]]
    assert 5 < start.count("unsafe") < 30


def test_captions_name_the_scene_and_differ_in_wording_alone():
    train = Paintings("train", seed=3)
    paintings = [train.painting(i, captions=4) for i in range(200)]
    assert {len(painting.captions) for painting in paintings} == {4}
    assert all(painting.scene == train.painting(i).scene for i, painting in enumerate(paintings))
    whole = [
        all(
            any(words in text for words in concept.words)
            for concept in (p.scene.subject, p.scene.object, p.scene.place)
        )
        for p in paintings
        for text in p.captions
    ]
    assert 0.88 < np.mean(whole) < 0.99  # a few leave something unsaid
    assert len({text for painting in paintings for text in painting.captions}) > 600


def test_crops_lie_on_the_latent_grid_around_their_thing(artwork):
    source = PaintingBatches(artwork, "train", seed=4, image_size=64)
    crops, scenes, masks = source.crops(10, 6, 32), source.whole(10, 6), source.masks(10, 6)
    assert crops.shape == (12, 3, 32, 32) and scenes.shape == (6, 3, 64, 64)
    for i, crop in enumerate(crops):
        found = [
            (x, y)
            for x in range(0, 33, 4)
            for y in range(0, 33, 4)
            if (scenes[i // 2, :, y : y + 32, x : x + 32] == crop).all()
        ]
        assert found
        x, y = found[0]
        assert masks[i // 2, y : y + 32, x : x + 32].float().mean() > 0.3
    assert (source.crops(10, 6, 32) == crops).all()


def test_masks_cover_what_the_things_change(artwork, painter):
    source = PaintingBatches(artwork, "validation", seed=5, image_size=painter.size)
    for i in range(4):
        scene = Paintings("validation", seed=5).painting(i).scene
        other = next(c for c in world().objects if c is not scene.object)
        pictures = [np.asarray(painter.paint(s), int) for s in (scene, replace(scene, object=other))]
        changed = np.abs(pictures[0] - pictures[1]).sum(-1) > 0
        assert changed.any() and not (changed & ~source.masks(i, 1)[0].numpy()).any()


def test_softening_keeps_the_scene_recognisable_and_is_drawn_from_its_generator(painter):
    from training.data.degradations import degrade

    picture = painter.paint(Paintings("train", seed=6).painting(0).scene)
    seen = set()
    for seed in range(30):
        soft = degrade(picture, np.random.default_rng(seed))
        assert soft.size == picture.size and soft.mode == "RGB"
        assert degrade(picture, np.random.default_rng(seed)).tobytes() == soft.tobytes()
        assert np.abs(np.asarray(soft, float) - np.asarray(picture, float)).mean() < 60
        buffer = io.BytesIO()
        soft.save(buffer, "PNG")
        seen.add(buffer.getvalue())
    assert len(seen) == 30
