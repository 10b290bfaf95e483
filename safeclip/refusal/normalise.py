"""Reads a text as it may be meant: disguised letters, s p e l t, d.o.t.t.e.d and streeetched words among its tokens."""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .characters import LEET, latin_letters

_SPELT_FROM = 3  # so many single letters in a row are one word, or several
_MOST_READINGS = 64  # of one token; beyond, an ambiguous character is read alike everywhere

_SYMBOLS = "".join(re.escape(char) for char in LEET if not char.isalnum())
_PLAIN_TOKEN = re.compile(r"[^\W_]+")
_LEET_TOKEN = re.compile(rf"(?:[^\W_]|[{_SYMBOLS}])+")
_CLOSING = re.compile(r"[!|+(<]+$")  # at the end of a word these are punctuation and stand for no letter
_STRETCHED = re.compile(r"(.)\1{2,}")
_DOUBLED_END = re.compile(r"(?<=...)(.)\1$")  # "childd"; within a word, doubled letters make others ("rapped")


@dataclass(frozen=True)
class Reading:
    """One way to divide a text into tokens, each a set of the words that it may stand for.

    `spelt` are the words that runs of single letters may stand for; where one ends and the next begins is not known.
    """

    tokens: tuple[frozenset[str], ...]
    spelt: tuple[frozenset[str], ...]


def readings(text: str) -> tuple[Reading, ...]:
    """Divides a folded text at all punctuation, at punctuation that stands for no letter, and at spaces alone."""
    chunks = text.split()
    divided = (
        _PLAIN_TOKEN.findall(text),
        [_CLOSING.sub("", token) for token in _LEET_TOKEN.findall(text)],
        ["".join(_PLAIN_TOKEN.findall(chunk)) for chunk in chunks],
    )
    return tuple(dict.fromkeys(_reading(tokens) for tokens in divided))


def plain_words(text: str) -> str:
    """The words of a folded text with single spaces and nothing else between them; digits stay digits."""
    return " ".join(_PLAIN_TOKEN.findall(text))


def swapped(word: str) -> set[str]:
    """The words that differ from `word` by two adjacent letters that change places."""
    found = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return found - {word}


@lru_cache(maxsize=4096)
def words_of(token: str) -> frozenset[str]:
    """The words that a folded token may stand for: itself, in Latin letters, and with stretched letters shortened."""
    found = {token, *in_latin(token)}
    for word in list(found):
        found.add(_DOUBLED_END.sub(r"\1", word))
        if _STRETCHED.search(word):
            found |= {_STRETCHED.sub(r"\1", word), _STRETCHED.sub(r"\1\1", word)}
    return frozenset(found)


def in_latin(token: str) -> Iterator[str]:
    """Yields a token in letters a to z, by every choice among those that its characters may stand for.

    Nothing is yielded for a token without any letter, such as a number.
    """
    if not any(char.isalpha() for char in token):
        return
    choices = [latin_letters(char) or char for char in token]
    if math.prod(map(len, choices)) <= _MOST_READINGS:
        yield from map("".join, itertools.product(*choices))
    else:
        for i in range(max(map(len, choices))):
            yield "".join(choice[min(i, len(choice) - 1)] for choice in choices)


def _reading(tokens: list[str]) -> Reading:
    runs = [list(run) for single, run in itertools.groupby(tokens, lambda token: len(token) == 1) if single]
    spelt = tuple(words_of("".join(run)) for run in runs if len(run) >= _SPELT_FROM)
    return Reading(tuple(words_of(token) for token in tokens), spelt)
