"""Rows of quadruplets that repeat another one's safe text or image: a copy of a query's target would beat it."""

import numpy as np
from PIL import Image

from safeclip.hashing import content_id

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
