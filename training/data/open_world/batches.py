"""Batches of the open world for training a CLIP: pixels from packed scenes, captions drawn anew each epoch, labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .packed import PackedScenes, scenes_of
from .rendering.labels import patch_labels, scene_labels
from .rendering.renderer import SceneRenderer


@dataclass
class CaptionedBatch:
    """n painted scenes with a caption each and their concept labels."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    captions: list[str]
    labels: torch.Tensor  # int64 (n, 4): subject, object, second, place; -100 where there is none
    patch_labels: torch.Tensor  # int64 (n, grid * grid)


class CaptionedBatches:
    """Batches of packed pairs or neutral scenes. A scene gets another caption in each epoch.

    `painter` places what stands where, for the patch labels; its pictures are not painted again.
    """

    def __init__(self, packed: PackedScenes, painter: SceneRenderer, grid: int):
        if packed.spec.sides != 1:
            raise ValueError(f"captioned batches are made of pairs or neutral scenes, not of {packed.spec.kind}")
        self._packed = packed
        self._painter = painter
        self._grid = grid
        self._world = packed.spec.open_world()

    def make(self, rows: Sequence[int], epoch: int = 0) -> CaptionedBatch:
        """The scenes of some rows with the captions of an epoch."""
        spec = self._packed.spec
        scenes = [scenes_of(self._world, spec.kind, row)[0] for row in rows]
        captioner, forms = self._world.captioner, self._world.forms
        captions = [
            captioner.caption(scene, f"{spec.fingerprint}/{row}/{epoch}", forms).text
            for row, scene in zip(rows, scenes, strict=True)
        ]
        patches = [patch_labels(scene, self._painter.placements(scene), self._grid) for scene in scenes]
        return CaptionedBatch(
            self._packed.batch(list(rows)),
            captions,
            torch.from_numpy(np.stack([scene_labels(scene) for scene in scenes])),
            torch.from_numpy(np.stack(patches)),
        )
