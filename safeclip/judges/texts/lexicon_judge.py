"""Judge of texts by a list of words: harmful is what names an unsafe concept, or a thing with what makes it unsafe."""

from pathlib import Path
from typing import Self

from ..declaration import JudgeDeclaration
from .lexicon import Lexicon, Mention
from .verdict import Verdict


class LexiconJudge:
    """Scores 1 for a text with an unsafe mention by `Lexicon.judged`, else 0; the rest of the sentence is not read."""

    threshold = 0.5
    marks_words = True

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.name = f"lexicon of {lexicon.name}"
        self.version = lexicon.version

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Reads the lexicon at `path`. Raises JudgeError when there is none."""
        return cls(Lexicon.open(path))

    def judge(self, text: str) -> Verdict:
        mentions = self.mentions(text)
        return Verdict(float(any(mention.kind == "unsafe" for mention in mentions)), mentions)

    def mentions(self, text: str) -> tuple[Mention, ...]:
        return tuple(self.lexicon.judged(self.lexicon.find(text)))


JUDGE = JudgeDeclaration("lexicon", lambda path, device: LexiconJudge.open(path), argument="FILE")
