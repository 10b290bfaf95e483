"""Batches of the open world for training a CLIP: packed pixels, captions and labels, all looked up by row."""

from dataclasses import dataclass

import numpy as np
import torch

from .captioned import CaptionedScenes
from .packed import PackedScenes

BLOCK = 2  # scenes 2i and 2i + 1 differ in one facet, and stay together as hard negatives of one another


@dataclass
class SceneBatch:
    """n painted scenes with their concept labels, and which caption each has."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    labels: torch.Tensor  # int64 (n, 4): subject, object, second, place; -100 where there is none
    patch_labels: torch.Tensor  # int64 (n, grid * grid)
    captions: torch.Tensor  # int64 (n,): numbers in CaptionedScenes.captions


class SceneBatches:
    """Numbered batches of captioned scenes: each epoch shuffles them anew and takes the next draw of their captions."""

    def __init__(self, packed: PackedScenes, captioned: CaptionedScenes, seed: int):
        """Raises ValueError when captions and pixels are of different scenes."""
        if packed.spec != captioned.spec.scenes:
            raise ValueError(f"captions of {captioned.spec.scenes} do not belong to {packed.spec}")
        self._packed = packed
        self._captioned = captioned
        self._seed = seed

    def make(self, number: int, size: int, share: slice = slice(None)) -> SceneBatch:
        """The batch of a number, counted over all epochs, or a share of it; an epoch drops what fills no batch."""
        per_epoch = len(self._packed) // size
        if not per_epoch:
            raise ValueError(f"{len(self._packed)} scenes do not fill one batch of {size}")
        epoch, position = divmod(number, per_epoch)
        blocks = np.random.default_rng((self._seed, epoch)).permutation(len(self._packed) // BLOCK)
        order = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        return self.rows(order[position * size : (position + 1) * size][share], epoch)

    def rows(self, rows: np.ndarray, draw: int = 0) -> SceneBatch:
        """Some scenes, with their captions of one draw."""
        captioned = self._captioned
        return SceneBatch(
            self._packed.batch(rows),
            torch.from_numpy(captioned.labels[rows].astype(np.int64)),
            torch.from_numpy(captioned.patch_labels[rows].astype(np.int64)),
            torch.from_numpy(captioned.caption_rows(rows, draw)),
        )
