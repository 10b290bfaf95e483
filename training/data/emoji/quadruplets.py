"""ViSU-Emoji as a source of quadruplets for Safe-CLIP."""

from collections.abc import Sequence
from pathlib import Path

from safeclip.hashing import content_id
from training.data.emoji.artwork import TRAINING_STYLES
from training.data.emoji.concepts import CONCEPTS
from training.data.emoji.dataset import EmojiWorld
from training.data.emoji.painter import TRAINING_SIZE, Painter
from training.data.quadruplets import QuadrupletItem


class EmojiQuadruplets:
    """The first `count` quadruplets of a split, painted when asked for."""

    def __init__(
        self,
        artwork: Path,
        split: str,
        seed: int,
        count: int,
        size: int = TRAINING_SIZE,
        styles: Sequence[str] = TRAINING_STYLES,
    ):
        self._world = EmojiWorld(split, seed, styles=styles)
        self._painter = Painter.open(artwork, self._world.world, size)
        self._count = count
        self.fingerprint = content_id(CONCEPTS.read_text(encoding="utf-8") + f"{split}/{seed}/{count}/{size}/{styles}")

    def __len__(self) -> int:
        return self._count

    def item(self, index: int) -> QuadrupletItem:
        quadruplet = self._world.quadruplet(index)
        return QuadrupletItem(
            quadruplet.safe_text,
            quadruplet.unsafe_text,
            self._painter.paint(quadruplet.safe),
            self._painter.paint(quadruplet.unsafe),
            quadruplet.category,
        )
