"""Synthetic embeddings of images and captions with the mean, the spread and the modality gap of a real encoder's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from safeclip.encoders import Encoder
from safeclip.encoders.geometry import Modality

from ..indexes.fitting import MODALITY_OF
from ..indexes.recall import sample_queries
from ..store.selection import Shards

_SHARD_ROWS = 50_000


@dataclass(frozen=True)
class PairStatistics:
    """Mean (2d,) and a factor (2d, 2d) of the covariance of an image's and its caption's embedding, side by side."""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, captions: np.ndarray) -> PairStatistics:
        """Measures pairs of rows (n, d) and (n, d)."""
        pairs = np.concatenate([images, captions], axis=1).astype(np.float64)
        covariance = np.cov(pairs, rowvar=False) + 1e-9 * np.eye(pairs.shape[1])
        return cls(pairs.mean(axis=0), np.linalg.cholesky(covariance))

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Draws n pairs, float32 (n, d) of length 1 each, by modality."""
        noise = rng.standard_normal((n, len(self.mean)), np.float32)
        pairs = noise @ self.factor.T.astype(np.float32) + self.mean.astype(np.float32)
        halves = zip(("images", "captions"), np.split(pairs, 2, axis=1), strict=True)
        return {modality: half / np.linalg.norm(half, axis=1, keepdims=True) for modality, half in halves}


class SyntheticEmbeddings:
    """`rows` pairs drawn from statistics, in the place of `indexes.fitting.Embeddings`. All vectors are in memory."""

    def __init__(self, statistics: PairStatistics, rows: int, encoder: Encoder, seed: int = 0):
        self.encoder = encoder
        rng = np.random.default_rng(seed)
        self._ids = rng.permutation(rows).astype(np.int64)  # an even choice of them is held out, as of hashes
        parts = [statistics.draw(rng, min(_SHARD_ROWS, rows - start)) for start in range(0, rows, _SHARD_ROWS)]
        self._vectors = {name: [part[name] for part in parts] for name in ("images", "captions")}

    def shards(self, modality: str) -> Shards:
        return self._shards(modality)

    def count(self, modality: str) -> int:
        return len(self._ids)

    @property
    def total(self) -> int:
        return 2 * len(self._ids)

    @cached_property
    def queries(self) -> dict[Modality, np.ndarray]:
        found = {}
        for kind, modality in MODALITY_OF.items():
            vectors = sample_queries(partial(self.shards, modality), len(self._ids), self.encoder.dim)
            found[kind] = self.encoder.geometry.as_query(vectors, kind)
        return found

    def _shards(self, modality: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        start = 0
        for vectors in self._vectors[modality]:
            yield self._ids[start : start + len(vectors)], vectors
            start += len(vectors)
