import json

import numpy as np
import pytest
import torch

from training.data.open_world import packed as packed_module
from training.data.open_world.batches import CaptionedBatches
from training.data.open_world.packed import PackedScenes, PackedSpec, scenes_of
from training.data.open_world.quadruplets import OpenQuadruplets
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


def test_captioned_batches_draw_other_captions_in_another_epoch(tmp_path, open_artwork, open_painter):
    packed = PackedScenes.open(tmp_path, open_artwork, PackedSpec("pairs", 8, size=16))
    batches = CaptionedBatches(packed, open_painter, grid=4)
    first, again, later = batches.make([5, 2, 7]), batches.make([5, 2, 7]), batches.make([5, 2, 7], epoch=1)
    assert first.captions == again.captions != later.captions
    assert torch.equal(first.pixels, packed.batch([5, 2, 7]))
    assert first.labels.shape == (3, 4) and first.patch_labels.shape == (3, 16)


def test_captioned_batches_refuse_quadruplets(tmp_path, open_artwork, open_painter):
    packed = PackedScenes.open(tmp_path, open_artwork, PackedSpec("siblings", 2, size=16))
    with pytest.raises(ValueError, match="not of siblings"):
        CaptionedBatches(packed, open_painter, grid=4)


def test_quadruplets_for_training_come_in_blocks_and_held_out_ones_are_distinct(open_artwork):
    training = OpenQuadruplets(open_artwork, "train", "train", seed=1, count=16, size=32)
    item = training.item(3)
    assert training.block == 8 and len(training) == 16 and item.image.size == item.unsafe_image.size == (32, 32)
    assert training.safe_pair(3)[0] == item.text
    held = OpenQuadruplets(open_artwork, "seen", "validation", seed=1, count=20, size=32)
    assert held.block == 1 and len({held.quadruplet(index).safe.content for index in range(20)}) == 20
    assert held.fingerprint != training.fingerprint
