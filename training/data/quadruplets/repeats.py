"""Rows of quadruplets that repeat another one's safe text or image: a copy of a query's target would beat it.

Rows of validation that are in training too are said, and stay.
"""

import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from safeclip.hashing import content_id

from .collection import QuadrupletCollection
from .schema import QuadrupletSource


class SafeItems:
    """The safe texts and images of the rows that were kept so far."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def keep(self, text: str, image: Image.Image) -> bool:
        """Whether neither was in a row that was kept before; such a row is kept."""
        own = {text, content_id(image.tobytes() + repr(image.size).encode())}
        if own & self._seen:
            return False
        self._seen |= own
        return True


def distinct_rows(source: QuadrupletSource) -> np.ndarray:
    """A mask, bool (n,), of the rows of a source that repeat no safe text or image of a row before them."""
    known = SafeItems()
    return np.array([known.keep(*source.safe_pair(index)) for index in range(len(source))], bool)


def say_repeated(train: QuadrupletSource, validation: QuadrupletSource) -> None:
    """Says how many validation quadruplets from files have the safe image, or both texts, of a training quadruplet."""
    if not (isinstance(train, QuadrupletCollection) and isinstance(validation, QuadrupletCollection)):
        return
    known = set().union(*_marks(train))
    if count := sum(not known.isdisjoint(each) for each in _marks(validation)):
        print(
            f"{count} of {len(validation)} validation quadruplets have the safe image, or both texts, of a training "
            "quadruplet, so figures by them are too good. Divide the rows into two tables that share neither.",
            file=sys.stderr,
        )


def _marks(source: QuadrupletCollection) -> Iterator[set[str | tuple[str, str]]]:
    """What names each row: its two texts together, and the hash of its safe image."""
    for row, (image, _) in zip(source.rows, source.hashes, strict=True):
        yield {(row.text, row.unsafe_text), image}
