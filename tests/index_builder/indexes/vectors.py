"""Vectors and shards of them for the tests of indexes."""

import numpy as np


def unit_rows(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((n, dim)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """The rows at length 1, as float32."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cut(ids, vectors, *places):
    return lambda: zip(np.split(ids, places), np.split(vectors, places), strict=True)


def names(ids) -> list[str]:
    return [f"{id:016x}" for id in ids]
