"""Verdicts on texts, and the protocol of the judges that give them."""

from dataclasses import dataclass
from typing import Protocol

from .lexicon import Mention


@dataclass(frozen=True)
class Verdict:
    """Verdict on one text: `score` in [0, 1], harmful from the judge's threshold on, and the concepts it mentions."""

    score: float
    mentions: tuple[Mention, ...] = ()


class TextJudge(Protocol):
    """Judge of texts. Every score that is shown names the judge, its version and its threshold.

    `marks_words` says whether the judge finds the words that name a concept.
    """

    name: str
    version: str
    threshold: float
    marks_words: bool

    def judge(self, text: str) -> Verdict:
        """Judges a text. Raises JudgeError when the judge cannot work on this machine."""
        ...

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Finds the mentions in a text that may still be growing; nothing where the judge marks no words."""
        ...
