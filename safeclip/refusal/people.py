"""Tells whether a text names a real person: a given name with a family name after it, or somebody known by one name.

Names are looked for, not people, so an unusual given name passes and an invented person with a usual one does not.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .characters import fold
from .normalise import Reading
from .word_list import WordList

_SHORTEST = 2  # letters of a family name


@dataclass(frozen=True)
class _Names:
    """The lists of people.toml."""

    given: frozenset[str]
    alone: WordList
    not_family: frozenset[str]


def names_person(text: str, readings: Iterable[Reading], besides: WordList) -> bool:
    """Whether a folded text, read in any of these ways, names a person. A word of `besides` is no family name."""
    readings = list(readings)
    if _names().alone.is_in(text, readings):
        return True
    return any(
        any(word in _names().given for word in first) and _is_family(second, besides)
        for reading in readings
        for first, second in zip(reading.tokens, reading.tokens[1:], strict=False)
    )


def _is_family(words: frozenset[str], besides: WordList) -> bool:
    """Whether a token may be a family name, in none of its readings another word."""
    if any(word in _names().not_family or word in besides or word.endswith("ing") for word in words):
        return False
    return any(word.isalpha() and len(word) >= _SHORTEST for word in words)


@cache
def _names() -> _Names:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    given, not_family = (frozenset(map(fold, table[name])) for name in ("given", "not_family"))
    return _Names(given, WordList(table["alone"], not_swapped=table["given"]), not_family)
