"""Kinds of indexes: the FAISS factory and the memory of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2, sqrt

_ID_BYTES = 8
_HNSW_LINKS = 32
# FAISS's k-means wants at least 39 training vectors for each centre; a fiftieth of a sample is held out as queries.
_PER_CENTRE, _SAMPLED_PER_CENTRE = 39, 42
_LEAST_TRAINING_ROWS = 102_400
_MOST_LISTS = 65_536


@dataclass(frozen=True)
class IndexKind:
    """A kind of index: its FAISS `factory` and its `bytes`, both for n vectors of width d; `what` explains it."""

    what: str
    factory: Callable[[int, int], str]
    bytes: Callable[[int, int], int]


def lists(n: int) -> int:
    """Inverted lists for n vectors: the power of two next to 4·√n that n vectors can train.

    It stays the same while n grows by less than four times, so that vectors are added without a new training.
    """
    wanted = 2 ** round(log2(max(1.0, 4 * sqrt(n))))
    return min(wanted, 2 ** int(log2(max(1, n // _PER_CENTRE))), _MOST_LISTS)


def training_rows(n: int) -> int:
    """Vectors of n that train an index: enough for its lists and for the 256 centres of a code."""
    return max(_LEAST_TRAINING_ROWS, _SAMPLED_PER_CENTRE * lists(n))


def code_bytes(d: int, share: int) -> int:
    """Bytes of a product-quantised vector of width d: one for every `share` components, d divisible by it."""
    return next(m for m in range(max(1, ceil(d / share)), 0, -1) if d % m == 0)


def _coarse(n: int, d: int) -> int:
    return lists(n) * d * 4


def _product_quantised(share: int) -> IndexKind:
    """Inverted lists of product-quantised vectors, turned (OPQ) so that the parts of a vector are alike in variance.

    Without polysemous training ("np"), which takes seconds a byte and serves a filter that no search uses.
    """
    return IndexKind(
        f"inverted lists of product-quantised vectors, a byte for {share} components",
        lambda n, d: f"IDMap,OPQ{code_bytes(d, share)},IVF{lists(n)},PQ{code_bytes(d, share)}np",
        lambda n, d: n * (code_bytes(d, share) + 2 * _ID_BYTES) + _coarse(n, d) + 4 * d * (d + 256),
    )


# Factories that compare a query with every vector. Among vectors nearer to one another than half precision tells, as of
# the frames of a film, they find others than the true neighbours, which are as near.
EXHAUSTIVE = frozenset({"IDMap,Flat", "IDMap,SQfp16"})

# From the most faithful to the smallest.
KINDS = {
    "flat32": IndexKind(
        "every vector in float32, exact", lambda n, d: "IDMap,Flat", lambda n, d: n * (4 * d + _ID_BYTES)
    ),
    "flat16": IndexKind("every vector in float16", lambda n, d: "IDMap,SQfp16", lambda n, d: n * (2 * d + _ID_BYTES)),
    "hnsw": IndexKind(
        "a graph of neighbours over float16 vectors: fast, and the most memory",
        lambda n, d: f"IDMap,HNSW{_HNSW_LINKS}_SQfp16",
        lambda n, d: n * (2 * d + 2 * 4 * _HNSW_LINKS + _ID_BYTES),
    ),
    "ivf-flat": IndexKind(
        "inverted lists of float16 vectors",
        lambda n, d: f"IDMap,IVF{lists(n)},SQfp16",
        lambda n, d: n * (2 * d + 2 * _ID_BYTES) + _coarse(n, d),
    ),
    "ivf-sq8": IndexKind(
        "inverted lists of vectors with a byte a component",
        lambda n, d: f"IDMap,IVF{lists(n)},SQ8",
        lambda n, d: n * (d + 2 * _ID_BYTES) + _coarse(n, d) + 8 * d,
    ),
    "ivf-sq6": IndexKind(
        "inverted lists of vectors with six bits a component",
        lambda n, d: f"IDMap,IVF{lists(n)},SQ6",
        lambda n, d: n * (ceil(6 * d / 8) + 2 * _ID_BYTES) + _coarse(n, d) + 8 * d,
    ),
    "ivf-pq4": _product_quantised(4),
    "ivf-pq8": _product_quantised(8),
}
