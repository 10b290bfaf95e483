"""Things that a small world draws, by the meaning of their names: tells which words of a text it has no picture of."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from ..errors import ProfileError, first_line

TextEncoder = Callable[[Sequence[str]], np.ndarray]  # texts → float (n, d), L2-normalised

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LONGEST = 12  # words of a text that are looked at


@dataclass(frozen=True)
class ForeignWord:
    """A word for something that is not drawn, the drawn concept nearest in meaning, and their cosine.

    From `threshold` on, the word would count as another name of that concept.
    """

    word: str
    nearest: str
    cosine: float
    threshold: float

    def __str__(self) -> str:
        return (
            f"“{self.word}” is not in this world; nearest: {self.word} → {self.nearest} "
            f"(cosine {self.cosine:.2f}; the same thing from {self.threshold:.2f})."
        )


class ConceptMap:
    """Names of drawn concepts, embedded by one text tower.

    `names` maps each concept to what it is called. Only words of `nouns` are ever foreign: verbs and adjectives are not
    things to draw. A noun whose cosine to some name reaches `threshold` counts as another name of that concept.
    `image_threshold` is the cosine to the nearest gallery image below which an image is far from this world.
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[str]],
        nouns: Iterable[str],
        threshold: float,
        encode: TextEncoder,
        *,
        image_threshold: float | None = None,
    ) -> None:
        """Embeds all names."""
        pairs = [(concept, name) for concept, called in names.items() for name in called]
        self._concepts = [concept for concept, _ in pairs]
        self._known = {word for _, name in pairs for word in _WORD.findall(name.lower())}
        self._nouns = frozenset(nouns)
        self._encode = encode
        self._points = encode([name for _, name in pairs])
        self.threshold, self.image_threshold = threshold, image_threshold

    @classmethod
    def open(cls, path: str | Path, encode: TextEncoder) -> Self:
        """Reads a file of `python -m training.zoo.concepts`. Raises ProfileError when it cannot be read."""
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            names, nouns, threshold = table["names"], table["nouns"].split(), table["threshold"]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProfileError(f"{path}: these are no concepts ({first_line(error)}).") from error
        return cls(names, nouns, threshold, encode, image_threshold=table.get("image_threshold"))

    def foreign(self, text: str) -> list[ForeignWord]:
        """Lists the words of a text that name something that is not drawn, each once, in their order."""
        words = [word for word in dict.fromkeys(_WORD.findall(text.lower())) if self._is_unknown_noun(word)]
        words = words[:_LONGEST]
        if not words:
            return []
        cosines = self._encode(words) @ self._points.T  # (words, names)
        best = cosines.argmax(axis=1)
        return [
            ForeignWord(word, self._concepts[column], float(row[column]), self.threshold)
            for word, row, column in zip(words, cosines, best, strict=True)
            if row[column] < self.threshold
        ]

    def is_far(self, cosine: float) -> bool:
        """Whether an image with this cosine to the nearest gallery image is far from everything in the gallery."""
        return self.image_threshold is not None and cosine < self.image_threshold

    def is_noun(self, word: str) -> bool:
        """Whether a word in lower case, or what it is the plural of, is one of `nouns`."""
        return not self._nouns.isdisjoint((word, *_singulars(word)))

    def _is_unknown_noun(self, word: str) -> bool:
        return self._known.isdisjoint((word, *_singulars(word))) and self.is_noun(word)


def _singulars(word: str) -> Iterable[str]:
    """What an English plural may be the plural of."""
    for ending, replacement in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            yield word.removesuffix(ending) + replacement
