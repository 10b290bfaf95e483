"""Words that an encoder was trained on, to tell a user which words of a query it has never met."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Self

NAME = "vocabulary.txt"

_BETWEEN_WORDS = re.compile(r"[\s,;:!?/…。、，！？]+")
_CLOSE = 0.7  # difflib's ratio from which two words are close
_PREFIX_BONUS = 0.3
_SHORTEST_PREFIX = 3


class Vocabulary:
    """Set of lower-case words that a text encoder knows."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(words)

    @classmethod
    def open(cls, checkpoint: str | Path) -> Self | None:
        """Reads `vocabulary.txt` of a checkpoint, one word a line; returns None where there is no such file."""
        path = Path(checkpoint) / NAME
        return cls(path.read_text(encoding="utf-8").split()) if path.is_file() else None

    def unknown(self, text: str) -> list[str]:
        """Lists the words of `text` that are not known, in lower case, each once, in their order.

        A hyphenated word is known when all its parts are.
        """
        words = dict.fromkeys(_bare(word) for word in _BETWEEN_WORDS.split(text.lower()))
        return [word for word in words if word and not self._knows(word)]

    def near(self, word: str, n: int = 3) -> list[str]:
        """Lists at most n known words like `word`, nearest first: spelt alike, or one begins with the other."""
        word = word.lower()
        closeness = {known: _closeness(word, known) for known in self.words}
        close = [known for known, ratio in closeness.items() if ratio >= _CLOSE]
        return sorted(close, key=lambda known: (-closeness[known], known))[:n]

    def _knows(self, word: str) -> bool:
        return word in self.words or all(part in self.words for part in word.split("-"))


def _closeness(word: str, known: str) -> float:
    ratio = difflib.SequenceMatcher(None, word, known).ratio()
    shorter, longer = sorted((word, known), key=len)
    if len(shorter) >= _SHORTEST_PREFIX and longer.startswith(shorter):
        return max(ratio, _CLOSE) + _PREFIX_BONUS
    return ratio


def _bare(word: str) -> str:
    """Strips the punctuation round a word and the possessive at its end."""
    inside = [i for i, character in enumerate(word) if not unicodedata.category(character).startswith("P")]
    return re.sub(r"['’]s$", "", word[inside[0] : inside[-1] + 1]) if inside else ""
