"""The open world as a source of quadruplets for Safe-CLIP's recipe."""

from pathlib import Path

from PIL.Image import Image

from ..quadruplets import QuadrupletItem
from .items import BLOCK, OpenWorld, Quadruplet
from .packed import PackedKind, PackedSpec
from .rendering.renderer import TRAINING_SIZE, SceneRenderer
from .splits import TRAIN, Phase


class OpenQuadruplets:
    """`count` quadruplets of a split, painted when asked for.

    Training takes them in blocks of siblings, which are hard negatives of one another; held-out ones are all distinct,
    to be ranked.
    """

    def __init__(
        self,
        artwork: Path,
        split: str,
        phase: Phase,
        seed: int,
        count: int,
        size: int = TRAINING_SIZE,
    ):
        kind: PackedKind = "siblings" if phase == TRAIN else "quadruplets"
        self._world = OpenWorld(split, phase, seed)
        self._painter = SceneRenderer.open(artwork, size)
        self._held_out = None if phase == TRAIN else self._world.distinct_quadruplets(count)
        self._count = count
        self.block = len(BLOCK) if phase == TRAIN else 1
        self.fingerprint = PackedSpec(kind, count, split, phase, seed, size).fingerprint

    def __len__(self) -> int:
        return self._count

    def quadruplet(self, index: int) -> Quadruplet:
        """The quadruplet before it is painted: its scenes, captions and verdict."""
        return self._held_out[index] if self._held_out else self._world.sibling(index)

    def item(self, index: int) -> QuadrupletItem:
        quadruplet = self.quadruplet(index)
        return QuadrupletItem(
            quadruplet.safe_caption.text,
            quadruplet.unsafe_caption.text,
            self._painter.paint(quadruplet.safe),
            self._painter.paint(quadruplet.unsafe),
            quadruplet.category,
        )

    def safe_pair(self, index: int) -> tuple[str, Image]:
        quadruplet = self.quadruplet(index)
        return quadruplet.safe_caption.text, self._painter.paint(quadruplet.safe)
