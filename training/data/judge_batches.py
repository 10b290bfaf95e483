"""Labelled scenes for the judge of emoji scenes: laid out as the gallery's or as the UNet's, sharp or degraded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .degradations import degrade
from .emoji.paintings import STYLE, Paintings
from .emoji.rendering.artwork import TRAINING_STYLES
from .emoji.rendering.labels import patch_labels, scene_labels
from .emoji.rendering.renderer import SceneRenderer
from .emoji.world.dataset import EmojiWorld
from .emoji.world.scenes import Scene
from .pixels import stack_pictures


@dataclass
class LabelledBatch:
    """n images with the labels of their concepts."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    labels: torch.Tensor  # int64 (n, 3): subject, object, place
    patch_labels: torch.Tensor  # int64 (n, grid · grid)


class JudgeScenes:
    """Scenes of one split, each a function of (split, seed, number).

    Training draws paintings in all training styles, so that no style is known by its layout; the other splits draw them
    in the style of the UNet's training.
    """

    def __init__(self, artwork: Path, split: str, seed: int, image_size: int, grid: int):
        self._world = EmojiWorld(split, seed)
        self._paintings = Paintings(split, seed, TRAINING_STYLES if split == "train" else (STYLE,))
        self._renderer = SceneRenderer.open(artwork, self._world.world, image_size)
        self._seed = seed
        self._grid = grid

    def training(self, first: int, count: int) -> LabelledBatch:
        """The items first … first + count − 1: by turns a scene of the gallery's kind and a painting, all degraded."""
        scenes = [
            self.painting(i // 2) if i % 2 else self._world.pair(i // 2).scene for i in range(first, first + count)
        ]
        return self._batch(scenes, first, degraded=True)

    def gallery(self, first: int, count: int, degraded: bool) -> LabelledBatch:
        """Scenes of quadruplets: the safe twin at even numbers, the unsafe one at odd ones."""
        pairs = [(self._world.quadruplet(i // 2), i % 2) for i in range(first, first + count)]
        return self._batch([pair.unsafe if odd else pair.safe for pair, odd in pairs], first, degraded)

    def paintings(self, first: int, count: int, degraded: bool) -> LabelledBatch:
        """Scenes in the layout of the UNet's training."""
        return self._batch([self.painting(i) for i in range(first, first + count)], first, degraded)

    def painting(self, index: int) -> Scene:
        """The scene of a number in the layout of the UNet's training."""
        return self._paintings.painting(index).scene

    def _batch(self, scenes: list[Scene], first: int, degraded: bool) -> LabelledBatch:
        images = [self._renderer.paint(scene) for scene in scenes]
        if degraded:
            images = [degrade(image, np.random.default_rng((self._seed, first + i))) for i, image in enumerate(images)]
        return LabelledBatch(
            stack_pictures(images),
            torch.from_numpy(np.stack([scene_labels(scene) for scene in scenes])),
            torch.from_numpy(np.stack([patch_labels(scene, self._grid) for scene in scenes])),
        )
