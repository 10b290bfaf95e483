"""Labelled scenes of the first world, on which the trunk of the judge learns first."""

from pathlib import Path

import numpy as np
import torch

from safeclip.judges.images.scene_classifier import ConceptLabel

from .emoji.paintings import STYLE, Paintings
from .emoji.rendering.artwork import TRAINING_STYLES
from .emoji.rendering.labels import IGNORED, patch_labels, scene_labels
from .emoji.rendering.renderer import SceneRenderer
from .emoji.world.concepts import world
from .emoji.world.dataset import EmojiWorld
from .emoji.world.scenes import Scene
from .judge_batches import PAINTINGS, LabelledBatch, stacked, twins


def first_concepts() -> tuple[ConceptLabel, ...]:
    """The concepts of the first world, in the order of their labels."""
    return tuple(ConceptLabel(c.name, c.kind, c.category) for c in world().concepts)


class FirstJudgeScenes:
    """Scenes of one split of the first world, each a function of (split, seed, number); as judge_batches.JudgeScenes.

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
            self._paintings.painting(i // 2).scene if i % 2 else self._world.pair(i // 2).scene
            for i in range(first, first + count)
        ]
        return self._batch(scenes, first, degraded=True)

    def labelled(self, kind: str, first: int, count: int, degraded: bool) -> LabelledBatch:
        """Scenes in the UNet's layout where `kind` is PAINTINGS, else quadruplets, the safe twin of each first."""
        numbers = range(first, first + count)
        if kind == PAINTINGS:
            return self._batch([self._paintings.painting(i).scene for i in numbers], first, degraded)
        return self._batch(twins(self._world.quadruplet, numbers), first, degraded)

    def _batch(self, scenes: list[Scene], first: int, degraded: bool) -> LabelledBatch:
        images = [self._renderer.paint(scene) for scene in scenes]
        patches = torch.from_numpy(np.stack([patch_labels(scene, self._grid) for scene in scenes]))
        return LabelledBatch(
            stacked(images, self._seed, first, degraded=degraded),
            torch.from_numpy(np.stack([scene_labels(scene) for scene in scenes])),
            patches,
            torch.zeros_like(patches, dtype=torch.bool),
            torch.full_like(patches, IGNORED),
            torch.tensor([scene.object.kind == "unsafe" for scene in scenes]),
        )
