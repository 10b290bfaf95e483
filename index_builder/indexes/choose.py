"""Kinds of indexes: the FAISS factory and the memory of each, and the choice for a size and a memory budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2, sqrt

from ..errors import BuildError

# Above this many multiplications a flat search takes longer than a second on two cores.
_FLAT_LIMIT = 4_000_000_000
# The graph of HNSW costs about 1 ms a thousand vectors to build; beyond this, inverted lists are built sooner.
_HNSW_ROWS = 10_000_000
_ID_BYTES = 8
_HNSW_LINKS = 32
# FAISS's k-means wants at least 39 training vectors for each centre.
_PER_CENTRE = 39
_LEAST_TRAINING_ROWS = 102_400
_MOST_LISTS = 65_536


@dataclass(frozen=True)
class IndexKind:
    """A kind of index: its FAISS `factory` and its `bytes`, both for n vectors of width d; `what` explains it."""

    what: str
    factory: Callable[[int, int], str]
    bytes: Callable[[int, int], int]
    trained: bool = True


def lists(n: int) -> int:
    """Inverted lists for n vectors: the power of two next to 4·√n that n vectors can train.

    It stays the same while n grows by less than four times, so that vectors are added without a new training.
    """
    wanted = 2 ** round(log2(max(1.0, 4 * sqrt(n))))
    return min(wanted, 2 ** int(log2(max(1, n // _PER_CENTRE))), _MOST_LISTS)


def training_rows(n: int) -> int:
    """Vectors of n that train an index: enough for its lists and for the 256 centres of a code."""
    return max(_LEAST_TRAINING_ROWS, _PER_CENTRE * lists(n))


def code_bytes(d: int) -> int:
    """Bytes of a product-quantised vector of width d: one for every 8 components, d divisible by it."""
    return next(m for m in range(max(1, ceil(d / 8)), 0, -1) if d % m == 0)


def _coarse(n: int, d: int) -> int:
    return lists(n) * d * 4


KINDS = {
    "flat32": IndexKind(
        "every vector in float32, exact", lambda n, d: "IDMap,Flat", lambda n, d: n * (4 * d + _ID_BYTES), False
    ),
    "flat16": IndexKind(
        "every vector in float16", lambda n, d: "IDMap,SQfp16", lambda n, d: n * (2 * d + _ID_BYTES), False
    ),
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
    "ivf-pq": IndexKind(
        "inverted lists of product-quantised vectors, a byte for 8 components: the least memory",
        lambda n, d: f"IDMap,OPQ{code_bytes(d)},IVF{lists(n)},PQ{code_bytes(d)}",
        lambda n, d: n * (code_bytes(d) + 2 * _ID_BYTES) + _coarse(n, d) + 4 * d * (d + 256),
    ),
}
# From the most faithful to the smallest; `auto` takes the first that is fast enough and fits.
_ORDER = ("flat16", "hnsw", "ivf-flat", "ivf-pq")


@dataclass(frozen=True)
class Choice:
    """An index to build: `factory` for FAISS, its expected `bytes` (None for a factory of the user's), and why."""

    kind: str
    factory: str
    bytes: int | None
    reason: str


def choose(kind: str, n: int, d: int, budget: int | None = None) -> Choice:
    """The index of `kind` for n vectors of width d; "auto" takes the best that `budget` bytes allow.

    Raises BuildError for an unknown kind, and when nothing fits the budget.
    """
    if kind in KINDS:
        return Choice(kind, KINDS[kind].factory(n, d), KINDS[kind].bytes(n, d), "it was asked for")
    if kind != "auto":
        raise BuildError(f"There is no kind of index {kind!r}. Kinds: auto, {', '.join(KINDS)}.")
    for name in _ORDER:
        if (budget is None or KINDS[name].bytes(n, d) <= budget) and _is_fast(name, n, d):
            return Choice(name, KINDS[name].factory(n, d), KINDS[name].bytes(n, d), _reason(n, d, budget))
    least = KINDS[_ORDER[-1]].bytes(n, d)
    raise BuildError(
        f"{n:,} vectors of width {d} need at least {least:,} bytes in memory ({_ORDER[-1]}), the budget is {budget:,}. "
        "Raise --memory-gb, or name a smaller index with --factory."
    )


def _is_fast(kind: str, n: int, d: int) -> bool:
    return {"flat16": n * d <= _FLAT_LIMIT, "hnsw": n <= _HNSW_ROWS}.get(kind, True)


def _reason(n: int, d: int, budget: int | None) -> str:
    limit = "no memory budget was given" if budget is None else f"{budget / 1e9:.2f} GB are allowed"
    return f"{n:,} vectors of width {d}, {limit}"
