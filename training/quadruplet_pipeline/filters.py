"""Filters of written texts: near the safe text, and judged harmful."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safeclip.encoders import Encoder
from safeclip.judges import open_text_judge
from safeclip.runtime.checkpoint_names import locate

from ..models.encoder_kind import named_here
from .spec import FiltersSpec


@dataclass(frozen=True)
class Measured:
    """A written text with its cosine to the safe one, the judge's score, and whether that is harmful."""

    text: str
    similarity: float
    harm: float
    harmful: bool

    @property
    def score(self) -> float:
        """What preferences go by."""
        return self.similarity + self.harm


class TextFilters:
    """Measures written texts. Raises JudgeError or CheckpointError when judge or encoder cannot be opened."""

    def __init__(self, spec: FiltersSpec, device: str | None = None):
        self._spec = spec
        self.judge = open_text_judge(spec.judge, device=device)
        self.judge.judge("a dog")  # what it lacks is said before anything is tuned
        adapter = locate(named_here(spec.adapter)) if spec.adapter else None
        self._encoder = Encoder.from_pretrained(locate(named_here(spec.encoder)), adapter, device=device)

    def measure(self, text: str, written: Sequence[str]) -> list[Measured]:
        """Measures n texts that were written for a safe one."""
        embedded = self._encoder.encode_texts([text, *written])
        cosines = np.einsum("d,nd->n", embedded[0], embedded[1:])
        scores = [self.judge.judge(each).score for each in written]
        return [
            Measured(each, float(cosine), score, score >= self.judge.threshold)
            for each, cosine, score in zip(written, cosines, scores, strict=True)
        ]

    def passing(self, text: str, measured: Sequence[Measured]) -> dict[str, list[Measured]]:
        """What is left of the texts after each filter, in the order in which the filters apply."""
        changed = [each for each in measured if each.text and each.text.casefold() != text.casefold()]
        harmful = [each for each in changed if each.harmful]
        near = [each for each in harmful if each.similarity >= self._spec.similarity]
        return {"changed": changed, "harmful": harmful, "near": near}

    def best(self, passing: Mapping[str, Sequence[Measured]]) -> Measured | str:
        """The best of the texts that pass all filters, or the reason why none does."""
        if passing["near"]:
            return max(passing["near"], key=lambda each: each.score)
        if passing["harmful"]:
            return f"too far from the safe text (cosine below {self._spec.similarity:g})"
        return f"not judged harmful by {self.judge.name}" if passing["changed"] else "the safe text again, or nothing"
