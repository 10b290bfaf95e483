"""The texts that the tower learns English from, by source, split by hash into training and held-out texts.

A text may be taught another text's embedding: a foreign name its English name's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from safeclip.hashing import content_id

from .cldr import LANGUAGES, EmojiNames
from .sentences import SentenceComposer
from .wordnet import WordNet

HELD_OUT = 0.01  # share of the targets that no training batch holds


def is_held_out(target: str) -> bool:
    """Whether a target text is kept for measuring, by its hash in lower case: the same ones in every run."""
    return int(content_id(target.lower()), 16) % 10_000 < HELD_OUT * 10_000


@dataclass(frozen=True)
class Source:
    """Texts of one kind. Text i is taught the teacher's embedding of `targets[target_rows[i]]`."""

    name: str
    texts: tuple[str, ...]
    targets: tuple[str, ...]
    target_rows: np.ndarray  # int64 (texts,)

    @classmethod
    def of(cls, name: str, pairs: Iterable[tuple[str, str]]) -> "Source":
        """Source of (text, target) pairs, each text once whatever its capitals, empty ones left out."""
        kept: dict[str, tuple[str, str]] = {}
        for text, target in pairs:
            if text.strip():
                kept.setdefault(text.lower(), (text, target))
        rows: dict[str, int] = {}
        numbers = [rows.setdefault(target, len(rows)) for _, target in kept.values()]
        return cls(name, tuple(text for text, _ in kept.values()), tuple(rows), np.array(numbers, dtype=np.int64))

    @classmethod
    def of_texts(cls, name: str, texts: Iterable[str]) -> "Source":
        """Source of texts that are their own targets."""
        return cls.of(name, ((text, text) for text in texts))

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of texts and targets."""
        return content_id("\0".join((self.name, *self.texts, "", *self.targets)) + self.target_rows.tobytes().hex())

    @cached_property
    def held_out(self) -> np.ndarray:
        """bool (texts,): the texts whose target is held out."""
        return np.array([is_held_out(target) for target in self.targets], dtype=bool)[self.target_rows]


@dataclass(frozen=True)
class CorpusSpec:
    """What the corpus holds beside WordNet."""

    composed: int  # sentences
    captions: int  # training scenes of the open world
    seed: int  # of both
    languages: tuple[str, ...] = LANGUAGES


def read_corpus(spec: CorpusSpec, folder: Path, captions: Iterable[str] = ()) -> tuple[Source, ...]:
    """The sources `wordnet`, `composed`, `names` and, unless empty, `captions`. Fetches packages below `folder`."""
    wordnet = WordNet.fetch(folder)
    names = EmojiNames.fetch(folder)
    english = names.of("en").values()
    foreign = ((name.text, name.english) for name in names.translations(spec.languages))
    sources = (
        Source.of_texts("wordnet", wordnet.phrases()),
        Source.of_texts("composed", SentenceComposer(wordnet).sentences(spec.composed, spec.seed)),
        Source.of("names", (*((name, name) for name in english), *foreign)),
        Source.of_texts("captions", captions),
    )
    return tuple(source for source in sources if source.texts)
