"""Chooses the kinds of indexes to try for a size, a memory budget and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BuildError
from .kinds import KINDS

# Above this many multiplications a flat search takes longer than a second on two cores.
_FLAT_LIMIT = 4_000_000_000
# The graph of HNSW costs about 1 ms a thousand vectors to build; beyond this, inverted lists are built sooner.
_HNSW_ROWS = 10_000_000
_CODES = ("ivf-pq4", "ivf-pq8")
# What may be asked for besides a kind, and the kinds that are tried for it in turn until one has the recall.
ORDERS = {
    "auto": ("flat16", "hnsw", "ivf-flat", "ivf-sq8", "ivf-sq6", *_CODES),  # the most faithful first
    "ivf-pq": (*_CODES[::-1], "ivf-sq6", "ivf-sq8"),  # the smallest first
}


@dataclass(frozen=True)
class Choice:
    """An index to build: `factory` for FAISS, its expected `bytes` (None for a factory of the user's), and why."""

    kind: str
    factory: str
    bytes: int | None
    reason: str


def candidates(kind: str, n: int, d: int, budget: int | None = None) -> list[Choice]:
    """The indexes to try for n vectors of width d, one after the other until one has the recall that is wanted.

    A kind stands for itself. "auto" are the kinds that are fast enough and fit `budget` bytes, with only the longest
    product code, as a shorter one finds less. "ivf-pq" are ever longer codes. Raises BuildError for an unknown kind,
    and when nothing fits the budget.
    """
    if kind in KINDS:
        return [_choice(kind, n, d, "it was asked for")]
    if kind not in ORDERS:
        raise BuildError(f"There is no kind of index {kind!r}. Kinds: {', '.join([*ORDERS, *KINDS])}.")
    order = ORDERS[kind]
    fitting = [name for name in order if budget is None or KINDS[name].bytes(n, d) <= budget]
    if not fitting:
        least = min(order, key=lambda name: KINDS[name].bytes(n, d))
        raise BuildError(
            f"{n:,} vectors of width {d} need at least {KINDS[least].bytes(n, d):,} bytes in memory ({least}), the "
            f"budget is {budget:,}. Raise --memory-gb, or name a smaller index with --factory."
        )
    if kind == "auto":
        shorter = [name for name in fitting if name in _CODES][1:]
        fitting = [name for name in fitting if name not in shorter and _is_fast(name, n, d)]
    return [_choice(name, n, d, _reason(n, d, budget)) for name in fitting]


def choose(kind: str, n: int, d: int, budget: int | None = None) -> Choice:
    """The first of `candidates`. Raises as it does."""
    return candidates(kind, n, d, budget)[0]


def _choice(kind: str, n: int, d: int, reason: str) -> Choice:
    return Choice(kind, KINDS[kind].factory(n, d), KINDS[kind].bytes(n, d), reason)


def _is_fast(kind: str, n: int, d: int) -> bool:
    return {"flat16": n * d <= _FLAT_LIMIT, "hnsw": n <= _HNSW_ROWS}.get(kind, True)


def _reason(n: int, d: int, budget: int | None) -> str:
    limit = "no memory budget was given" if budget is None else f"{budget / 1e9:.2f} GB are allowed"
    return f"{n:,} vectors of width {d}, {limit}"
