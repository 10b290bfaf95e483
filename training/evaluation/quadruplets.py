"""Quadruplets of a gallery and their embeddings: what evaluations ask and look at."""

from dataclasses import dataclass

import numpy as np

from safeclip.retrieval.gallery import Gallery, Item


@dataclass(frozen=True)
class QuadrupletEmbeddings:
    """One encoder's embeddings of n quadruplets: T, T*, V, V*, each float32 (n, d), as its geometry has them."""

    text: np.ndarray
    unsafe_text: np.ndarray
    image: np.ndarray
    unsafe_image: np.ndarray


def gallery_pairs(gallery: Gallery, count: int) -> list[tuple[Item, Item]]:
    """The safe and the unsafe item of a gallery's first `count` quadruplets. Raises ValueError when it holds fewer."""
    safe = {item.image_id: item for item in gallery.items if not item.unsafe}
    pairs = [(safe[item.twin], item) for item in gallery.items if item.unsafe][:count]
    if len(pairs) < count:
        raise ValueError(f"{gallery.path} holds {len(pairs)} quadruplets, not {count}")
    return pairs
