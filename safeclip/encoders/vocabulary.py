"""Words that an encoder was trained on, to tell a user which words of a query it has never met, and which are near."""

import difflib
import logging
import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..errors import SafeClipError

if TYPE_CHECKING:
    import numpy as np

    from .encoder import Encoder

log = logging.getLogger(__name__)

NAME = "vocabulary.txt"

_BETWEEN_WORDS = re.compile(r"[\s,;:!?/…。、，！？]+")
_CLOSE = 0.7  # difflib's ratio from which two words are close
_PREFIX_BONUS = 0.3
_SHORTEST_PREFIX = 3
_SHORTEST_SPELT = 4  # letters; shorter words are all spelt like each other
_SAME_FIELD = 0.65  # cosine from which two words have to do with each other: cocaine and drug, not nurse and queen
_ONE_TOKEN = 3  # with the marks at both ends of a text
_FUNCTION_WORDS = frozenset(
    ("among", "and", "beside", "for", "has", "like", "next", "not", "only", "the", "there", "this", "very", "with")
)


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
        if len(word) < _SHORTEST_SPELT:
            return []
        closeness = {known: _closeness(word, known) for known in self.words}
        close = [known for known, ratio in closeness.items() if ratio >= _CLOSE]
        return sorted(close, key=lambda known: (-closeness[known], known))[:n]

    def _knows(self, word: str) -> bool:
        return word in self.words or all(part in self.words for part in word.split("-"))


class Thesaurus:
    """Finds known words near in meaning, by a text tower that learnt English. Safe to use from several threads.

    A word that the tower's tokenizer does not know as a whole is misspelt, as a rule: for it, words spelt alike are
    found. The tower is loaded by the first word that is looked up; where it cannot be, spelling is all there is.
    """

    def __init__(self, vocabulary: Vocabulary, checkpoint: str | Path) -> None:
        self._vocabulary = vocabulary
        self._checkpoint = checkpoint
        self._words = sorted(word for word in vocabulary.words if len(word) > 2 and word not in _FUNCTION_WORDS)
        self._lock = threading.Lock()
        self.near = lru_cache(maxsize=4096)(self._near)

    def _near(self, word: str, n: int = 3) -> list[str]:
        """Lists at most n known words like `word`, nearest first."""
        try:
            with self._lock:
                tower, points = self._tower, self._points
        except SafeClipError as error:
            log.warning("near words are found by spelling alone: %s", error)
            return self._vocabulary.near(word, n)
        if int(tower.tokenize([word])["length"][0]) > _ONE_TOKEN:
            return self._vocabulary.near(word, n)
        cosines = points @ tower.encode_texts([word])[0]
        nearest = sorted(zip(cosines.tolist(), self._words, strict=True), reverse=True)[:n]
        return [known for cosine, known in nearest if cosine >= _SAME_FIELD]

    @cached_property
    def _tower(self) -> "Encoder":
        from .encoder import Encoder

        return Encoder.from_pretrained(self._checkpoint, device="cpu")

    @cached_property
    def _points(self) -> "np.ndarray":
        return self._tower.encode_texts(self._words)


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
