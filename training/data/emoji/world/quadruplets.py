"""The closed world as a source of quadruplets for Safe-CLIP."""

from pathlib import Path

from PIL.Image import Image

from safeclip.hashing import content_id

from ...quadruplets import QuadrupletItem
from ...source_texts import source_texts
from ..rendering.renderer import TRAINING_SIZE, SceneRenderer
from .dataset import BARE_CAPTIONS, SIBLINGS, EmojiWorld, Quadruplet

_WORLD = Path(__file__).parent
_RENDERING = _WORLD.parent / "rendering"  # with the versions of the artwork


class EmojiQuadruplets:
    """`count` quadruplets of a split, painted when asked for.

    Training takes them in blocks that share subject and place. Without them a batch can be told apart by subject and
    place alone, and a tuned model forgets its objects at no cost. Held-out ones are all distinct, to be ranked.
    """

    def __init__(self, artwork: Path, split: str, seed: int, count: int, size: int = TRAINING_SIZE):
        self._world = EmojiWorld(split, seed)
        self._painter = SceneRenderer.open(artwork, self._world.world, size)
        self._held_out = None if split == "train" else self._world.distinct_quadruplets(count)
        self._count = count
        self.block = SIBLINGS if split == "train" else 1
        key = f"{split}/{seed}/{count}/{size}/{self.block}/{BARE_CAPTIONS}"
        self.fingerprint = content_id(source_texts(_WORLD, _RENDERING) + key)

    def __len__(self) -> int:
        return self._count

    def item(self, index: int) -> QuadrupletItem:
        quadruplet = self._quadruplet(index)
        return QuadrupletItem(
            quadruplet.safe_text,
            quadruplet.unsafe_text,
            self._painter.paint(quadruplet.safe),
            self._painter.paint(quadruplet.unsafe),
            quadruplet.category,
        )

    def safe_pair(self, index: int) -> tuple[str, Image]:
        quadruplet = self._quadruplet(index)
        return quadruplet.safe_text, self._painter.paint(quadruplet.safe)

    def _quadruplet(self, index: int) -> Quadruplet:
        return self._held_out[index] if self._held_out else self._world.sibling(index)
