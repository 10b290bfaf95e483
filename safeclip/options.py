"""Checks of what a caller chooses: numbers within their range, texts of some length, and seats of a profile."""

import math
import reprlib
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from .errors import QueryError, SafeClipError

T = TypeVar("T")

MAX_SEED = 2**53 - 1  # the largest whole number that a browser holds exactly

_SHOWN = 64  # characters of an unknown key in a message
_LONGEST = 120  # of any other value from outside


def check_number(what: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    """Raises QueryError, naming `what`, unless `value` is a number from `low` to `high`, NumPy's included.

    A `high` of infinity is no bound.
    """
    number: type[Any] = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, number) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        upwards = "" if high == math.inf else f" to {_bound(high)}"
        raise QueryError(f"The {what} must be {kind} from {_bound(low)}{upwards}, not {shortened(value)}.")


def encodable(text: str) -> str:
    """The text with ? for each half of a broken surrogate pair, which neither a file nor a tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def as_line(what: str, value: Any, longest: int) -> str:
    """The text `value`, `encodable` and with single spaces.

    Raises QueryError, naming `what`, for what is no text, and for one of more than `longest` characters.
    """
    if not isinstance(value, str):
        raise QueryError(f"The {what} must be a text, not {shortened(value)}.")
    text = " ".join(encodable(value).split())
    if len(text) > longest:
        raise QueryError(f"The {what} has {len(text)} characters; shorten it to {longest} or fewer.")
    return text


def as_list(
    what: str,
    values: Iterable[T],
    alone: type | tuple[type, ...] = str,
    error: type[SafeClipError] = QueryError,
) -> list[T]:
    """The values as a list. Raises `error`, naming `what`, for what cannot be iterated and for a type `alone`."""
    if isinstance(values, alone) or not isinstance(values, Iterable):
        raise error(f"Give the {what} as a list, such as [{shortened(values)}].")
    return list(values)


def check_seats(seats: Mapping[str, object], wanted: Iterable[object]) -> None:
    """Raises QueryError for the first of `wanted` that is no key of `seats`, and for a text in the place of a list.

    The keys may be of any type.
    """
    for key in as_list("seats", wanted):
        if not isinstance(key, str) or key not in seats:
            name = key[:_SHOWN] if isinstance(key, str) else shortened(key)
            raise QueryError(f"There is no seat “{name}” in this profile. Its seats are {', '.join(seats)}.")


def choose_seats(seats: Mapping[str, object], wanted: Iterable[str] | None) -> tuple[str, ...]:
    """The keys of `wanted` in the profile's order, or all of them. Raises QueryError for an unknown key, or none."""
    if wanted is None:
        return tuple(seats)
    wanted = as_list("seats", wanted)
    check_seats(seats, wanted)
    if not wanted:
        raise QueryError(f"No seat is asked. Choose among {', '.join(seats)}.")
    return tuple(key for key in seats if key in wanted)


def shortened(value: object) -> str:
    """The `repr` of a value from outside for use in a message, cut where it is long."""
    try:
        said = reprlib.repr(value)  # which cuts every part of what is nested, but not the whole
    except ValueError:  # of a whole number with more digits than Python prints
        return "a number of thousands of digits"
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _bound(number: float) -> str:
    """The end of a range as a person writes it: 20, not 20.0."""
    return str(int(number) if isinstance(number, float) and number.is_integer() else number)
