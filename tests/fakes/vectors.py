"""Unit vectors under content ids, for tests of indexes."""

import numpy as np

from safeclip.hashing import content_id

IDS = [content_id(f"item {i}") for i in range(300)]


def unit(seed: int, n: int, d: int = 16) -> np.ndarray:
    """n random vectors of length 1, (n, d) float32."""
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS, QUERIES = unit(0, 300), unit(1, 5)
