import json

import numpy as np
import pytest
import torch

from training.data.open_world import packed as packed_module
from training.data.open_world.batches import SceneBatches
from training.data.open_world.captioned import CaptionedScenes, CaptionSpec
from training.data.open_world.packed import PackedScenes, PackedSpec, scenes_of
from training.data.open_world.quadruplets import OpenQuadruplets, PackedQuadruplets
from training.data.open_world.rendering.labels import patch_labels, scene_labels
from training.data.open_world.rendering.renderer import SceneRenderer


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(packed_module, "CHUNK", 4)


def test_packed_scenes_are_what_the_renderer_draws(tmp_path, open_artwork, small_chunks):
    spec = PackedSpec("quadruplets", 6, seed=3, size=32)
    packed = PackedScenes.open(tmp_path, open_artwork, spec)
    painter, world = SceneRenderer.open(open_artwork, 32), spec.open_world()
    for index in range(6):
        for side, scene in enumerate(scenes_of(world, "quadruplets", index)):
            assert np.array_equal(packed.pixels[index, side], np.asarray(painter.paint(scene)))
    assert packed.batch([4, 1], side=1).shape == (2, 3, 32, 32)
    assert packed.batch([4, 1]).dtype == torch.uint8


def test_generation_goes_on_where_it_was_interrupted(tmp_path, open_artwork, small_chunks, monkeypatch):
    spec = PackedSpec("pairs", 10, seed=4, size=16)
    whole = PackedScenes.open(tmp_path / "whole", open_artwork, spec)
    painted = []

    class Interrupted(SceneRenderer):
        def paint(self, scene):
            painted.append(scene)
            if len(painted) == 7:
                raise KeyboardInterrupt
            return super().paint(scene)

    monkeypatch.setattr(packed_module, "SceneRenderer", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        PackedScenes.open(tmp_path / "again", open_artwork, spec)
    assert json.loads(next((tmp_path / "again").glob("*.json")).read_text()) == [0]
    again = PackedScenes.open(tmp_path / "again", open_artwork, spec)
    assert len(painted) == 7 + 6  # the first chunk of four is not painted again
    assert np.array_equal(again.pixels, whole.pixels)
    assert [path.suffix for path in (tmp_path / "again").iterdir()] == [".npy"]


def test_an_opened_file_is_not_generated_again(tmp_path, open_artwork, monkeypatch):
    spec = PackedSpec("neutral", 3, size=16)
    PackedScenes.open(tmp_path, open_artwork, spec)
    monkeypatch.setattr(packed_module, "SceneRenderer", None)
    assert len(PackedScenes.open(tmp_path, open_artwork, spec)) == 3


def test_fingerprints_differ_with_what_is_generated():
    specs = [
        PackedSpec("pairs", 10),
        PackedSpec("pairs", 11),
        PackedSpec("neutral", 10),
        PackedSpec("pairs", 10, seed=1),
    ]
    assert len({spec.fingerprint for spec in specs}) == 4


def test_captions_and_labels_of_packed_scenes_are_worked_out_once(tmp_path, open_artwork, open_painter, monkeypatch):
    scenes = PackedSpec("pairs", 6, seed=2, size=64)
    spec = CaptionSpec(scenes, draws=2, grid=4)
    first = CaptionedScenes.open(tmp_path, open_artwork, spec)
    world = scenes.open_world()
    for row in range(6):
        (scene,) = scenes_of(world, "pairs", row)
        assert np.array_equal(first.labels[row], scene_labels(scene))
        assert np.array_equal(first.patch_labels[row], patch_labels(scene, open_painter.placements(scene), 4))
    assert len(first.captions) == 12 and len(set(first.captions)) > 8
    monkeypatch.delattr(SceneRenderer, "placements")
    again = CaptionedScenes.open(tmp_path, open_artwork, spec)
    assert again.captions == first.captions and np.array_equal(again.patch_labels, first.patch_labels)
    assert first.caption_rows(np.array([3, 0]), 5).tolist() == [7, 1]


def test_scene_batches_keep_hard_negatives_together_and_draw_other_captions_in_another_epoch(tmp_path, open_artwork):
    scenes = PackedSpec("pairs", 8, size=16)
    packed = PackedScenes.open(tmp_path, open_artwork, scenes)
    captioned = CaptionedScenes.open(tmp_path, open_artwork, CaptionSpec(scenes, draws=3, grid=4))
    batches = SceneBatches(packed, captioned, seed=1)
    epoch = [batches.make(number, 4) for number in (0, 1)]
    rows = torch.cat([batch.captions for batch in epoch]) // 3
    assert sorted(rows.tolist()) == list(range(8)) and all(rows[::2] + 1 == rows[1::2])
    assert torch.equal(epoch[0].pixels, packed.batch(rows[:4].numpy()))
    assert torch.equal(epoch[1].patch_labels, torch.from_numpy(captioned.patch_labels[rows[4:].numpy()]).long())
    assert {int(number) % 3 for number in batches.make(3, 4).captions} == {1}
    assert torch.equal(batches.make(0, 4).captions, epoch[0].captions)
    with pytest.raises(ValueError, match="do not fill one batch"):
        batches.make(0, 9)


def test_captions_belong_to_single_scenes_and_to_the_pixels_beside_them(tmp_path, open_artwork):
    with pytest.raises(ValueError, match="not of siblings"):
        CaptionedScenes.open(tmp_path, open_artwork, CaptionSpec(PackedSpec("siblings", 2, size=16), 1, 4))
    one, other = PackedSpec("pairs", 2, size=16), PackedSpec("neutral", 2, size=16)
    captioned = CaptionedScenes.open(tmp_path, open_artwork, CaptionSpec(one, 1, 4))
    with pytest.raises(ValueError, match="do not belong"):
        SceneBatches(PackedScenes.open(tmp_path, open_artwork, other), captioned, seed=0)


def test_packed_quadruplets_are_those_of_their_source(tmp_path, open_artwork, monkeypatch):
    for source in (
        OpenQuadruplets(open_artwork, "train", "train", seed=1, count=16, size=16),
        OpenQuadruplets(open_artwork, "seen", "validation", seed=1, count=3, size=16),
    ):
        packed = PackedQuadruplets(source, tmp_path, open_artwork)
        assert (len(packed), packed.block, packed.fingerprint) == (len(source), source.block, source.fingerprint)
        for index in (2, 0):
            mine, own = packed.item(index), source.item(index)
            assert (mine.text, mine.unsafe_text, mine.category) == (own.text, own.unsafe_text, own.category)
            assert (
                mine.image.tobytes() == own.image.tobytes()
                and mine.unsafe_image.tobytes() == own.unsafe_image.tobytes()
            )
        monkeypatch.setattr(source, "quadruplet", None)
        assert packed.safe_pair(2)[0] == packed.item(2).text  # nothing is drawn a second time


def test_quadruplets_for_training_come_in_blocks_and_held_out_ones_are_distinct(open_artwork):
    training = OpenQuadruplets(open_artwork, "train", "train", seed=1, count=16, size=32)
    item = training.item(3)
    assert training.block == 8 and len(training) == 16 and item.image.size == item.unsafe_image.size == (32, 32)
    assert training.safe_pair(3)[0] == item.text
    held = OpenQuadruplets(open_artwork, "seen", "validation", seed=1, count=20, size=32)
    assert held.block == 1 and len({held.quadruplet(index).safe.content for index in range(20)}) == 20
    assert held.fingerprint != training.fingerprint
