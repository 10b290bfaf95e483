"""Batches of the closed world as tensors, each a function of (seed, number)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTokenizer

from ..pixels import stack_pictures
from .rendering.labels import patch_labels, scene_labels
from .rendering.renderer import SceneRenderer
from .world.dataset import EmojiWorld, Pair


@dataclass
class PairBatch:
    """n captioned pictures with their concept labels."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    input_ids: torch.Tensor  # int64 (n, length)
    attention_mask: torch.Tensor  # int64 (n, length)
    labels: torch.Tensor  # int64 (n, 3): subject, object, place
    patch_labels: torch.Tensor  # int64 (n, patches)


class PairBatches:
    """Batch number i holds the pairs i·n … i·n + n − 1 of a split."""

    def __init__(self, world: EmojiWorld, painter: SceneRenderer, tokenizer: CLIPTokenizer, grid: int):
        self._world = world
        self._painter = painter
        self._tokenizer = tokenizer
        self._grid = grid

    @classmethod
    def open(cls, artwork: Path, split: str, seed: int, tokenizer: CLIPTokenizer, image_size: int, grid: int):
        world = EmojiWorld(split, seed)
        return cls(world, SceneRenderer.open(artwork, world.world, image_size), tokenizer, grid)

    def make(self, first: int, count: int) -> PairBatch:
        """The pairs first … first + count − 1."""
        return self._tensors([self._world.pair(index) for index in range(first, first + count)])

    def _tensors(self, pairs: list[Pair]) -> PairBatch:
        tokens = self._tokenizer([pair.caption for pair in pairs], padding=True, truncation=True, return_tensors="pt")
        return PairBatch(
            stack_pictures([self._painter.paint(pair.scene) for pair in pairs]),
            tokens.input_ids,
            tokens.attention_mask,
            torch.from_numpy(np.stack([scene_labels(pair.scene) for pair in pairs])),
            torch.from_numpy(np.stack([patch_labels(pair.scene, self._grid) for pair in pairs])),
        )
