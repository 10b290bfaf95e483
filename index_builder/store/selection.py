"""Selects the embeddings that belong in an index, and samples of them, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .shard_store import ShardStore

# Enough for FAISS's k-means with 256 points for each of 400 cells, and for the two axes of a map.
SAMPLE_ROWS = 102_400

# Ids (n,) int64 and vectors (n, d) float32, a shard at a time.
Shards = Iterable[tuple[np.ndarray, np.ndarray]]


class Live:
    """The ids that an index may hold: those of the gallery without the removed ones."""

    def __init__(self, ids: np.ndarray, removed: np.ndarray | None = None):
        """`ids` (n,) int64 are the gallery's, `removed` (m,) int64 those to leave out."""
        self.ids = np.unique(ids) if removed is None else np.setdiff1d(ids, removed)

    def __len__(self) -> int:
        return len(self.ids)

    def filter(self, shards: Shards) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids and vectors of each shard, without ids that are not live or that an earlier shard held."""
        taken = np.zeros(len(self.ids), bool)
        for ids, vectors in shards:
            place = np.searchsorted(self.ids, ids)
            place[place == len(self.ids)] = 0
            keep = (self.ids[place] == ids) & ~taken[place] if len(self.ids) else np.zeros(len(ids), bool)
            taken[place[keep]] = True
            if keep.any():
                yield ids[keep], vectors[keep]


def live_shards(store: ShardStore, live: dict[str, Live], modality: str, encoder: str) -> Shards:
    """The embeddings of `modality` by the encoder of a fingerprint that belong in an index, a shard at a time."""
    return live[modality].filter(store.shards(modality, encoder))


def sample_rows(shards: Shards, total: int, dim: int, limit: int = SAMPLE_ROWS) -> tuple[np.ndarray, np.ndarray]:
    """At most `limit` of `total` rows, evenly spread: ids (m,), vectors (m, d)."""
    step = max(1, -(-total // limit))
    ids, vectors, start = [np.empty(0, np.int64)], [np.empty((0, dim), np.float32)], 0
    for shard_ids, shard_vectors in shards:
        first = -start % step
        ids.append(shard_ids[first::step])
        vectors.append(shard_vectors[first::step])
        start += len(shard_ids)
    return np.concatenate(ids), np.concatenate(vectors)
