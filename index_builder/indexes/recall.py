"""Recall of an index against exact search, and the queries that it is measured with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from safeclip.retrieval.stores.store import IndexStore

from ..gallery.rows import as_id
from ..store.selection import Shards, sample_rows

K = 10
MAX_QUERIES = 256
# Of so many ids one trains no index, so that queries made of it are new to the index.
_HOLD_OUT = 50
_FEW = 64


def held_out(ids: np.ndarray) -> np.ndarray:
    """Which ids (n,) are kept out of training: bool (n,). Ids are hashes, so that this is an even choice."""
    return ids % _HOLD_OUT == 0


def sample_queries(shards: Callable[[], Shards], total: int, dim: int) -> np.ndarray:
    """At most 256 embeddings (m, d) that were held out of training, or of all where fewer than 64 were."""
    _, vectors = sample_rows(_only_held_out(shards()), total // _HOLD_OUT + 1, dim, MAX_QUERIES)
    if len(vectors) < _FEW:
        _, vectors = sample_rows(shards(), total, dim, MAX_QUERIES)
    return vectors[:MAX_QUERIES]


def true_neighbours(shards: Shards, queries: np.ndarray, k: int = K) -> np.ndarray:
    """Ids (m, k') int64 of the largest inner products of each query (m, d); k' is `k`, or less for fewer vectors.

    Of the vectors in `shards` one shard is in memory at a time.
    """
    scores = np.empty((len(queries), 0), np.float32)
    ids = np.empty((len(queries), 0), np.int64)
    for shard_ids, vectors in shards:
        scores = np.concatenate([scores, queries @ vectors.T], axis=1)
        ids = np.concatenate([ids, np.broadcast_to(shard_ids, (len(queries), len(shard_ids)))], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
    return ids


def recall(index: IndexStore, queries: np.ndarray, truth: np.ndarray) -> float | None:
    """The share of the true neighbours (m, k) of the queries (m, d) that `index` finds; None when there are none."""
    if not truth.size:
        return None
    found = index.search(queries, truth.shape[1]).ids
    shares = [
        len(set(map(as_id, true)).intersection(row)) / len(true)
        for true, row in zip(truth.tolist(), found, strict=True)
    ]
    return round(float(np.mean(shares)), 4)


def _only_held_out(shards: Shards) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for ids, vectors in shards:
        chosen = held_out(ids)
        yield ids[chosen], vectors[chosen]
