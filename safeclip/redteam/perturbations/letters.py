"""Perturbations of letters: slips of the typing hand, digits for letters, and letters of other scripts."""

import random
import re
from dataclasses import dataclass
from functools import cache

from ...refusal.characters import LEET
from .declaration import Perturbation, Words

_LONG_WORD = re.compile(r"[^\W\d_]{4,}")  # in a shorter word a slip makes another word


@dataclass(frozen=True)
class Misspelling(Perturbation[str]):
    """Swaps two neighbouring letters inside so many words, the longest first; the first letter stays."""

    name = "misspelling"
    slips: int = 1

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        longest = sorted(_LONG_WORD.finditer(text), key=lambda word: (-len(word.group()), word.start()))
        for word in longest[: self.slips]:
            at = rng.randrange(word.start() + 1, word.end() - 1)
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return text


@dataclass(frozen=True)
class Leetspeak(Perturbation[str]):
    """Writes digits and symbols for so large a share of the letters that have one: "kn1f3"."""

    name = "leetspeak"
    share: float = 1.0

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        return "".join(
            _digits()[letter.lower()] if letter.lower() in _digits() and rng.random() < self.share else letter
            for letter in text
        )


@dataclass(frozen=True)
class Confusables(Perturbation[str]):
    """Writes Cyrillic letters that look alike for so large a share of the Latin ones."""

    name = "confusables"
    share: float = 1.0

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        return "".join(_ALIKE[letter] if letter in _ALIKE and rng.random() < self.share else letter for letter in text)


_ALIKE = dict(zip("aceiopsxyABCEHKMOPTX", "асеіорѕхуАВСЕНКМОРТХ", strict=True))


@cache
def _digits() -> dict[str, str]:
    """Letter → the digit that is written for it."""
    return {letters[0]: digit for digit, letters in reversed(LEET.items()) if digit.isdigit()}
