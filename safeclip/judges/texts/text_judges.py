"""Judges of texts: is what is said harmful, how sure is the judge, and which words made it say so."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import torch

from ...errors import JudgeError, first_line
from ...runtime.devices import default_device
from .lexicon import Lexicon, Mention


@dataclass(frozen=True)
class Verdict:
    """`score` from 0 to 1, harmful from the judge's threshold on; `mentions` are the concepts that the text names."""

    score: float
    mentions: tuple[Mention, ...] = ()


class TextJudge(Protocol):
    """Every score that is shown says which judge gave it, in which version, and where its threshold lies.

    `marks_words` says whether its verdicts hold mentions.
    """

    name: str
    version: str
    threshold: float
    marks_words: bool

    def judge(self, text: str) -> Verdict:
        """Raises JudgeError when this judge cannot work here."""
        ...


class LexiconJudge:
    """Score 1 for a text that names an unsafe concept of the lexicon, else 0; the sentence round it is not read."""

    threshold = 0.5
    marks_words = True

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.name = f"lexicon of {lexicon.name}"
        self.version = lexicon.version

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Raises JudgeError when there is no lexicon at `path`."""
        return cls(Lexicon.open(path))

    def judge(self, text: str) -> Verdict:
        mentions = tuple(self.lexicon.find(text))
        return Verdict(float(any(mention.kind == "unsafe" for mention in mentions)), mentions)


class Detoxify:
    """The toxicity that the classifier of the `detoxify` package sees in a text. It marks no words.

    The package is optional and fetches its weights the first time; both are told when they are missing.
    """

    name = "Detoxify"
    threshold = 0.5
    marks_words = False

    def __init__(self, model: str = "original", *, device: str | torch.device | None = None) -> None:
        self.version = model
        self._device = torch.device(device or default_device())

    def judge(self, text: str) -> Verdict:
        return Verdict(float(self._model.predict(text)["toxicity"]))

    @cached_property
    def _model(self) -> Any:
        try:
            from detoxify import Detoxify as Classifier
        except ImportError as error:
            raise JudgeError("Detoxify is not installed: pip install detoxify.") from error
        try:
            return Classifier(self.version, device=self._device)
        except Exception as error:  # the network's, the hub's, torch's: whatever stands between us and the weights
            raise JudgeError(f"The weights of Detoxify cannot be had: {first_line(error)}") from error
