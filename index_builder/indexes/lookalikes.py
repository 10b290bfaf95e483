"""Lookalikes: images whose pixels are almost the same, found by a difference hash of 64 bits.

Each bit says whether a pixel of a grey 9 × 8 thumbnail is darker than its right neighbour, which survives scaling,
compression and changes of brightness (N. Krawetz, "Kind of like that", 2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np
from PIL import Image

SIDE = 8
MOST_BITS = 3  # two hashes that differ in at most so many bits have one of four quarters in common


@dataclass(frozen=True)
class Lookalike:
    """Two images, by their places in the list, and in how many of 64 bits their hashes differ."""

    first: int
    second: int
    bits: int


def difference_hash(image: Image.Image) -> np.ndarray:
    """Hash (8,) uint8 of an RGB image of any size."""
    grey = np.asarray(image.convert("L").resize((SIDE + 1, SIDE)), np.int16)
    return np.packbits(grey[:, 1:] > grey[:, :-1])


def find_lookalikes(hashes: np.ndarray, bits: int) -> Iterator[Lookalike]:
    """The pairs of hashes (n, 8) uint8 that differ in at most `bits` ≤ 3 bits, none missing.

    Of images with the same hash only the first is paired with all others of it, and stands for them in other pairs.
    """
    unique, first, inverse = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    for place in np.flatnonzero(first[inverse] != np.arange(len(hashes))).tolist():
        yield Lookalike(int(first[inverse[place]]), place, 0)
    if not bits or not len(unique):
        return
    index = faiss.IndexBinaryMultiHash(8 * SIDE, 4, 2 * SIDE)
    index.add(unique)
    limits, distances, found = index.range_search(unique, bits + 1)
    starts = limits.astype(np.int64)
    own = np.repeat(np.arange(len(unique)), starts[1:] - starts[:-1])
    for a, b, distance in zip(own.tolist(), found.tolist(), distances.tolist(), strict=True):
        if a < b:
            earlier, later = sorted((int(first[a]), int(first[b])))
            yield Lookalike(earlier, later, int(distance))
