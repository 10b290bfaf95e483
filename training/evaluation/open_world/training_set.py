"""The training quadruplets of the adapters, for the rows that learn from what the adapters learnt from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...data.open_world.harm.rewording import Siblings
from ...data.open_world.items import Quadruplet
from ...data.open_world.packed import PackedScenes, PackedSpec
from .painted import Painted

SEED = 5  # of the adapters' recipes
REWORDED = 0.5  # of the recipe of `ours`
CHUNK = 2048  # quadruplets that are embedded at a time


@dataclass(frozen=True)
class TrainingSet:
    """The first `count` quadruplets. Nothing is drawn, fetched or painted before it is asked for.

    Folders are those of a training's RunOptions; `workers` processes paint.
    """

    count: int
    artwork: Path
    packed: Path
    language: Path
    workers: int = 1

    @property
    def how(self) -> str:
        """What decides the quadruplets: how many, and every table and all code that draws, words and paints them."""
        return f"{self._spec.fingerprint}/{REWORDED}"

    @property
    def _spec(self) -> PackedSpec:
        return PackedSpec("siblings", self.count, seed=SEED)

    @cached_property
    def _quadruplets(self) -> list[Quadruplet]:
        siblings = Siblings.of(self._spec.open_world(), REWORDED, self.language)
        return [siblings.quadruplet(index) for index in range(self.count)]

    @property
    def labels(self) -> np.ndarray:
        """Whether a side is unsafe, bool (2 · count,): safe and unsafe take turns; both of a calm one are safe."""
        return np.array([label for each in self._quadruplets for label in (False, each.kind != "calm")])

    @property
    def texts(self) -> list[str]:
        """The captions of both sides in turn."""
        pairs = ((each.safe_caption, each.unsafe_caption) for each in self._quadruplets)
        return [caption.text for pair in pairs for caption in pair]

    def images(self) -> Iterator[Painted]:
        """The pictures of both sides in turn, in parts."""
        pixels = PackedScenes.open(self.packed, self.artwork, self._spec, self.workers).pixels
        for first in range(0, self.count, CHUNK):
            sides = pixels[first : first + CHUNK]
            yield Painted(f"{self._spec.fingerprint}-{first}", sides.reshape(-1, *sides.shape[2:]))
