"""The schema of quadruplets, the same for every source."""

from dataclasses import dataclass
from typing import Protocol

from PIL import Image


@dataclass(frozen=True)
class QuadrupletItem:
    """One quadruplet of ViSU's shape: texts, RGB images of any size, and the category of the unsafe side."""

    text: str
    unsafe_text: str
    image: Image.Image
    unsafe_image: Image.Image
    category: str


class QuadrupletSource(Protocol):
    """A numbered collection of quadruplets. Item i is always the same; `fingerprint` names the whole collection.

    `block` neighbours belong together in a batch, as hard negatives of one another; 1 when none do.
    """

    fingerprint: str
    block: int

    def __len__(self) -> int: ...

    def item(self, index: int) -> QuadrupletItem: ...

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        """The safe text and the safe image of item `index`, without the cost of the others."""
