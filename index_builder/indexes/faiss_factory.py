"""Makes FAISS indexes, trains them on a sample, and fills them a shard at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import faiss
import numpy as np

from safeclip.errors import first_line
from safeclip.retrieval.stores.faiss_store import FaissStore

from ..errors import BuildError
from ..store.selection import Shards

_EFFORT_STEPS = 12
_LEAST_LINKS = 2  # of a vector in a graph
_REHEARSED = 512  # rows that are made into an index at once, and more than the centroids of a code


def empty_index(factory: str, dim: int) -> faiss.IndexIDMap:
    """An empty index of `factory`.

    Raises BuildError when FAISS does not know the factory, or it keeps no ids, and for graphs and transforms that leave
    nothing of a vector, do not fit its width, or whose scores are no inner products.
    """
    try:
        index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise BuildError(f"FAISS cannot make an index {factory!r} of width {dim}: {first_line(error)}") from error
    if not isinstance(index, faiss.IndexIDMap):
        raise BuildError(f"The factory {factory!r} must begin with “IDMap,”: hits are identified by content hashes.")
    for transform in _transforms(index):
        _check_transform(transform, factory)
    if isinstance(graph := _without_transforms(index), faiss.IndexHNSW):
        _check_graph(graph, factory)
    return index


def _transforms(index: faiss.IndexIDMap) -> list[faiss.VectorTransform]:
    """What turns or shortens vectors before they are stored, in its order."""
    inner = faiss.downcast_index(index.index)
    if not isinstance(inner, faiss.IndexPreTransform):
        return []
    chain: Any = inner.chain  # which FAISS's stubs take for a list
    return [faiss.downcast_VectorTransform(chain.at(place)) for place in range(chain.size())]


def _without_transforms(index: faiss.IndexIDMap) -> faiss.Index:
    """The index below the ids, and below what turns or shortens vectors first."""
    inner = faiss.downcast_index(index.index)
    return faiss.downcast_index(inner.index) if isinstance(inner, faiss.IndexPreTransform) else inner


def _check_transform(transform: faiss.VectorTransform, factory: str) -> None:
    if transform.d_out < 1:
        raise BuildError(f"The factory {factory!r} keeps nothing of a vector: give its transform a width from 1.")
    if isinstance(transform, faiss.ITQTransform) or getattr(transform, "eigen_power", False):
        raise BuildError(
            f"The scores of {factory!r} are no inner products: whitening and ITQ stretch the vectors. "
            "Shorten them by a plain PCA, such as IDMap,PCA192,Flat."
        )
    if isinstance(transform, faiss.PCAMatrix) and transform.d_out > transform.d_in:
        raise BuildError(
            f"The factory {factory!r} does not fit the width {transform.d_in}: a PCA keeps at most the width."
        )
    if isinstance(transform, faiss.OPQMatrix) and transform.d_out % transform.M:
        raise BuildError(
            f"The factory {factory!r} does not fit the width {transform.d_out}: OPQ's number of codes divides it."
        )


def _check_graph(graph: faiss.IndexHNSW, factory: str) -> None:
    if graph.hnsw.cum_nneighbor_per_level.size() < 3:  # no second level: FAISS would end the process
        raise BuildError(f"The factory {factory!r} gives a graph too few links: write HNSW{_LEAST_LINKS} or more.")
    if isinstance(graph, faiss.IndexHNSWPQ):
        raise BuildError(
            f"The scores of {factory!r} are no inner products: FAISS gives distances for product codes in a graph. "
            "Keep its vectors by SQ8 or SQfp16, such as IDMap,HNSW32_SQ8."
        )


def train(index: faiss.IndexIDMap, factory: str, rows: np.ndarray, queries: np.ndarray) -> None:
    """Trains `index` on rows (n, d) and on what lies where queries do, (m, d), if it needs training.

    FAISS's k-means has a fixed seed. A PCA that comes first is made of the rows alone, around the origin: a direction
    that no row has changes no score. Raises BuildError when the sample is too small.
    """
    if index.is_trained:
        return
    sample = np.concatenate((rows, queries)).astype(np.float32)
    try:
        if pca := _leading_pca(index):
            _train_around_origin(pca, sample[: len(rows)])
        index.train(sample)
    except RuntimeError as error:
        raise _untrainable(len(sample), factory) from error


def _untrainable(rows: int, factory: str) -> BuildError:
    return BuildError(
        f"{rows:,} rows cannot train an index {factory!r}: it needs a row for each of its centroids, of which it has "
        "often 256 or more. Choose --index flat16, which is exact."
    )


def _leading_pca(index: faiss.IndexIDMap) -> faiss.PCAMatrix | None:
    first = next(iter(_transforms(index)), None)
    return first if isinstance(first, faiss.PCAMatrix) else None


def _train_around_origin(pca: faiss.PCAMatrix, sample: np.ndarray) -> None:
    """Takes the principal directions of the sample as it is, not as it lies around its mean.

    FAISS subtracts the mean, from queries too, after which an inner product is no cosine any more. A sample beside its
    negative has the mean 0.
    """
    pca.train(np.concatenate((sample, -sample)))
    pca.PCAMat.clear()  # all d directions, of which `A` has those that are kept: d² numbers of a file


def fill(index: faiss.IndexIDMap, shards: Shards) -> FaissStore:
    """Adds one shard after another; beside the index, memory holds one shard.

    Raises BuildError for an index that takes none, or not so few.
    """
    for ids, vectors in shards:
        try:
            index.add_with_ids(np.ascontiguousarray(vectors), ids)
        except RuntimeError as error:
            raise BuildError(
                f"FAISS cannot add {len(ids):,} vectors to such an index: {first_line(error)}. Choose another "
                "--factory, or --index flat16."
            ) from error
    return FaissStore(index)


def rehearse(factory: str, n: int, others: int, dim: int) -> None:
    """Makes an index of random vectors, where that takes no time, in the place of n and `others` that help to train it.

    Raises BuildError when no index of `factory` can be made of them.
    """
    index = empty_index(factory, dim)
    inverted = faiss.try_extract_index_ivf(index)
    if inverted is not None and not 1 <= inverted.nlist <= n + others:
        raise _untrainable(n + others, factory)
    if index.is_trained or n + others <= _REHEARSED:
        rows = np.random.default_rng(0).standard_normal((min(n + others, _REHEARSED), dim), np.float32)
        train(index, factory, rows, rows[:0])
        fill(index, [(np.arange(len(rows[:n])), rows[:n])])


def efforts(index: faiss.Index) -> Iterator[Callable[[], str]]:
    """Ever larger search efforts of an approximate index; each, when called, sets it and says what it is.

    The effort is stored in the index's file. An exact index has none.
    """
    inverted = faiss.try_extract_index_ivf(index)
    graph = _without_transforms(index) if isinstance(index, faiss.IndexIDMap) else None
    for step in range(_EFFORT_STEPS):
        if inverted is not None and 2**step <= inverted.nlist:
            yield _setter(inverted, "nprobe", 2**step)
        elif isinstance(graph, faiss.IndexHNSW):
            yield _setter(graph.hnsw, "efSearch", 16 * 2**step)


def _setter(target: object, name: str, value: int) -> Callable[[], str]:
    def set_effort() -> str:
        setattr(target, name, value)
        return f"{name}={value}"

    return set_effort
