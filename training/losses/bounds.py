"""Bounds of the numbers that a recipe gives an objective; each stands beside its default."""

import math
from collections.abc import Callable
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


def at_least(least: int) -> Bound:
    """Of a count."""
    return Bound(f"at least {least}", lambda value: value >= least)


def bounded(default: float, bound: Bound) -> Any:
    """A field of a dataclass with a default, and the bound that `check_bounds` reads."""
    return field(default=default, metadata={BOUND: bound})


def check_bounds(table: str, options: Any) -> None:
    """Raises ProfileError for the first number of a dataclass outside its bound; `table` is its name in a recipe."""
    for each in fields(options):
        bound, value = each.metadata.get(BOUND), getattr(options, each.name)
        if bound and not bound.holds(value):
            raise ProfileError(f"[{table}] {each.name} is {value}; it must be {bound.words}.")
