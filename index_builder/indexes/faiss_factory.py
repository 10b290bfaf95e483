"""Fills FAISS indexes a shard at a time, and measures their recall."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np

from safeclip.retrieval.stores.faiss_store import FaissStore

from ..errors import BuildError
from ..options import DEFAULT_FACTORY
from ..store.selection import Shards, sample_rows


def empty_index(factory: str, dim: int) -> faiss.Index:
    """An empty index of `factory`. Raises BuildError when FAISS does not know the factory, or it keeps no ids."""
    if not factory.startswith("IDMap,"):
        raise BuildError(f"The factory {factory!r} must begin with “IDMap,”: hits are identified by content hashes.")
    try:
        return faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise BuildError(f"FAISS cannot make an index {factory!r} of width {dim}: {reason}") from error


def build_index(shards: Callable[[], Shards], total: int, dim: int, factory: str) -> FaissStore:
    """Adds one shard after another to an index of `factory`, trained on a sample of them if it needs training.

    `shards` is called for each reading of the `total` rows. Unlike `FaissStore.build` this never holds all vectors
    at once: beside the index, memory holds one shard and the sample.
    """
    index = empty_index(factory, dim)
    if not index.is_trained:
        _, sample = sample_rows(shards(), total, dim)
        try:
            index.train(sample)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise BuildError(
                f"{len(sample)} rows cannot train an index {factory!r}: {reason}. Choose {DEFAULT_FACTORY}."
            ) from error
    for ids, vectors in shards():
        index.add_with_ids(np.ascontiguousarray(vectors), ids)
    return FaissStore(index)


def recall(index: FaissStore, shards: Shards, queries: np.ndarray, k: int = 10) -> float | None:
    """The share of the true `k` nearest of `queries` (m, d) that `index` finds; `None` when there are none.

    The truth is the inner product with every vector of `shards`, of which only the best k are kept.
    """
    scores = np.empty((len(queries), 0), np.float32)
    ids = np.empty((len(queries), 0), np.int64)
    for shard_ids, vectors in shards:
        scores = np.concatenate([scores, queries @ vectors.T], axis=1)
        ids = np.concatenate([ids, np.broadcast_to(shard_ids, (len(queries), len(shard_ids)))], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
    if not ids.size:
        return None
    found = index.search(queries, k).ids
    shares = [
        len({f"{id:016x}" for id in true}.intersection(row)) / len(true)
        for true, row in zip(ids.tolist(), found, strict=True)
    ]
    return round(float(np.mean(shares)), 4)
