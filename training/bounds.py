"""Bounds of the numbers in a recipe or a pipeline's file, and the one sentence that refuses what lies outside."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from safeclip.errors import ProfileError

BOUND = "bound"  # of a field's metadata


@dataclass(frozen=True)
class Bound:
    """What a number has to be, in words that follow "it must be"; `holds` decides, and is False for NaN."""

    words: str
    holds: Callable[[float], bool]


POSITIVE = Bound("a number above 0", lambda value: 0 < value < math.inf)
NOT_NEGATIVE = Bound("a number from 0", lambda value: 0 <= value < math.inf)
SHARE = Bound("a share, from 0 to 1", lambda value: 0 <= value <= 1)
DROPOUT = Bound("from 0 to below 1", lambda value: 0 <= value < 1)


def at_least(least: int) -> Bound:
    """Of a count."""
    return Bound(f"at least {least}", lambda value: value >= least)


def bounded(default: float, bound: Bound) -> Any:
    """A field of a dataclass with a default, and the bound that `check_bounds` reads."""
    return field(default=default, metadata={BOUND: bound})


def check_bounds(table: str, options: Any) -> None:
    """Raises ProfileError for the first number of a dataclass outside its bound; `table` is its name in a recipe."""
    for each in fields(options):
        if bound := each.metadata.get(BOUND):
            _check(f"[{table}] {each.name}", getattr(options, each.name), bound)


def check_bound(bound: Bound, values: Mapping[str, float]) -> None:
    """Raises ProfileError for the first of the `values`, by their keys in a recipe, that is outside the bound."""
    for key, value in values.items():
        _check(f"the key “{key}”", value, bound)


def _check(name: str, value: float, bound: Bound) -> None:
    if not bound.holds(value):
        raise ProfileError(f"{name} is {value}; it must be {bound.words}.")
