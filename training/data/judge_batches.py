"""Labelled scenes for the judge of emoji scenes: of the gallery's kind and of the painter's, sharp and soft."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .degradations import soften
from .emoji.paintings import STYLE, Paintings
from .emoji.rendering.artwork import TRAINING_STYLES
from .emoji.rendering.labels import patch_labels, scene_labels
from .emoji.rendering.renderer import SceneRenderer
from .emoji.world.dataset import EmojiWorld
from .emoji.world.scenes import Scene
from .pixels import stack_pictures


@dataclass
class LabelledBatch:
    """n pictures with what is in them."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    labels: torch.Tensor  # int64 (n, 3): subject, object, place
    patch_labels: torch.Tensor  # int64 (n, grid · grid)


class JudgeScenes:
    """Scenes of one split, each a function of (split, seed, number).

    Training draws paintings in all training styles, so that no style is known by its layout; the others draw them as
    the painter is taught to.
    """

    def __init__(self, artwork: Path, split: str, seed: int, image_size: int, grid: int):
        self._world = EmojiWorld(split, seed)
        self._paintings = Paintings(split, seed, TRAINING_STYLES if split == "train" else (STYLE,))
        self._painter = SceneRenderer.open(artwork, self._world.world, image_size)
        self._seed = seed
        self._grid = grid

    def training(self, first: int, count: int) -> LabelledBatch:
        """The items first … first + count − 1: by turns a scene of the gallery's kind and a painting, all softened."""
        scenes = [
            self._painting(i // 2) if i % 2 else self._world.pair(i // 2).scene for i in range(first, first + count)
        ]
        return self._batch(scenes, first, soft=True)

    def gallery(self, first: int, count: int, soft: bool) -> LabelledBatch:
        """Scenes of quadruplets, the safe twin at even numbers and the unsafe one at odd ones."""
        pairs = [(self._world.quadruplet(i // 2), i % 2) for i in range(first, first + count)]
        return self._batch([pair.unsafe if odd else pair.safe for pair, odd in pairs], first, soft)

    def paintings(self, first: int, count: int, soft: bool) -> LabelledBatch:
        return self._batch([self._painting(i) for i in range(first, first + count)], first, soft)

    def _painting(self, index: int) -> Scene:
        return self._paintings.painting(index).scene

    def _batch(self, scenes: list[Scene], first: int, soft: bool) -> LabelledBatch:
        pictures = [self._painter.paint(scene) for scene in scenes]
        if soft:
            pictures = [
                soften(picture, np.random.default_rng((self._seed, first + i))) for i, picture in enumerate(pictures)
            ]
        return LabelledBatch(
            stack_pictures(pictures),
            torch.from_numpy(np.stack([scene_labels(scene) for scene in scenes])),
            torch.from_numpy(np.stack([patch_labels(scene, self._grid) for scene in scenes])),
        )
