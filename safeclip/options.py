"""Checks of what a caller chooses: numbers within their range, and seats of a profile."""

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import QueryError
from .profiles import Seat

MAX_SEED = 2**53 - 1  # the largest whole number that a browser holds exactly


def check_number(what: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    """Raise QueryError, naming `what`, unless `value` is a number from `low` to `high`."""
    number = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, number) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise QueryError(f"The {what} must be {kind} from {low} to {high}, not {value!r}.")


def choose_seats(seats: Mapping[str, Seat], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The keys of `wanted` in the profile's order, or all of them. Raises QueryError for an unknown key, or none."""
    if wanted is None:
        return tuple(seats)
    if unknown := [key for key in wanted if key not in seats]:
        raise QueryError(f"There is no seat “{unknown[0]}” in this profile. Its seats are {', '.join(seats)}.")
    if not wanted:
        raise QueryError(f"No seat is asked. Choose among {', '.join(seats)}.")
    return tuple(key for key in seats if key in wanted)
