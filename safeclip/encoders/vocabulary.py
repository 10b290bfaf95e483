"""Words that an encoder was trained on, to tell a user which words of a query it has never met, and which are near."""

import difflib
import json
import logging
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..runtime.checkpoint_names import Repository, is_repository, locate
from ..runtime.hub_files import cached_snapshot

if TYPE_CHECKING:
    from .seat import Seat

log = logging.getLogger(__name__)

NAME = "vocabulary.txt"
_TOKENIZER = "tokenizer.json"
_END_OF_WORD = "</w>"

_BETWEEN_WORDS = re.compile(r"[\s,;:!?/…。、，！？]+")
_CLOSE = 0.7  # difflib's ratio from which two words are close
_PREFIX_BONUS = 0.3
_SHORTEST_PREFIX = 3
_SHORTEST_SPELT = 4  # letters; shorter words are all spelt like each other


class Vocabulary:
    """Lower-case words that a text encoder knows: those of the world that it draws, and `others` of its language."""

    def __init__(self, words: Iterable[str], others: Iterable[str] = ()) -> None:
        self.words = frozenset(words)
        self._others = frozenset(others)

    @classmethod
    def open(cls, checkpoint: str | Path) -> Self | None:
        """Reads `vocabulary.txt` of a checkpoint, one word a line; returns None where there is no such file.

        Such a checkpoint's tokenizer was trained on its texts, so that words which are one token are known as well.
        """
        path = Path(checkpoint) / NAME
        if not path.is_file():
            return None
        return cls(path.read_text(encoding="utf-8").split(), _whole_words(Path(checkpoint) / _TOKENIZER))

    @classmethod
    def of(cls, seat: "Seat") -> Self | None:
        """As `open`, of a seat's checkpoint: its folder, or the copy of its repository that the cache has by now."""
        place = locate(seat.checkpoint)
        if isinstance(place, Path):
            return cls.open(place)
        name = place.rpartition(":")[2]  # of an open_clip name
        snapshot = cached_snapshot(Repository.parse(name, seat.revision)) if is_repository(name) else None
        return None if snapshot is None else cls.open(snapshot)

    def unknown(self, text: str) -> list[str]:
        """Lists the words of `text` that are not known, in lower case, each once, in their order.

        A hyphenated word is known when all its parts are.
        """
        words = dict.fromkeys(_bare(word) for word in _BETWEEN_WORDS.split(text.lower()))
        return [word for word in words if word and not self._knows(word)]

    def near(self, word: str, n: int = 3) -> list[str]:
        """Lists at most n words of its world like `word`, nearest first: spelt alike, or one begins with the other."""
        word = word.lower()
        if len(word) < _SHORTEST_SPELT:
            return []
        closeness = {known: _closeness(word, known) for known in self.words}
        close = [known for known, ratio in closeness.items() if ratio >= _CLOSE]
        return sorted(close, key=lambda known: (-closeness[known], known))[:n]

    def _knows(self, word: str) -> bool:
        return self._is_listed(word) or all(map(self._is_listed, word.split("-")))

    def _is_listed(self, word: str) -> bool:
        return word in self.words or word in self._others


def _whole_words(tokenizer: Path) -> Iterable[str]:
    """The tokens of a byte-pair tokenizer that are words; none where there is no such file, or a damaged one."""
    if not tokenizer.is_file():
        return ()
    try:
        return words_among(json.loads(tokenizer.read_text(encoding="utf-8"))["model"]["vocab"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:  # the encoder's own error is shown
        log.warning("%s: the words among its tokens cannot be read: %r", tokenizer, error)
        return ()


def words_among(tokens: Iterable[str]) -> list[str]:
    """Those of a byte-pair tokenizer's tokens that are words of two letters or more, without their end-of-word mark."""
    ends = (token.removesuffix(_END_OF_WORD) for token in tokens if token.endswith(_END_OF_WORD))
    return [word for word in ends if len(word) > 1 and word.isalpha()]


def _closeness(word: str, known: str) -> float:
    """difflib's ratio, raised where one word begins with the other; 0 where its quick bounds are below _CLOSE."""
    matcher = difflib.SequenceMatcher(None, word, known)
    shorter, longer = sorted((word, known), key=len)
    if len(shorter) >= _SHORTEST_PREFIX and longer.startswith(shorter):
        return max(matcher.ratio(), _CLOSE) + _PREFIX_BONUS
    if matcher.real_quick_ratio() < _CLOSE or matcher.quick_ratio() < _CLOSE:
        return 0.0
    return matcher.ratio()


def _bare(word: str) -> str:
    """Strips the punctuation round a word and the possessive at its end."""
    inside = [i for i, character in enumerate(word) if not unicodedata.category(character).startswith("P")]
    return re.sub(r"['’]s$", "", word[inside[0] : inside[-1] + 1]) if inside else ""
