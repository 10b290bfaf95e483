"""Perturbations of sentences: what is asked is the same, or its opposite, in another frame."""

import random
import re
from dataclasses import dataclass

from .declaration import Perturbation, Words

_TURN = re.compile(r"\s+(in|on|at|near|beside|next to|with|holding|among|inside)\s+", re.IGNORECASE)
_PADDING = ("A bright and clear picture.", "Soft light, warm colours.", "All of it is in focus.")  # seven tokens each


@dataclass(frozen=True)
class Negation(Perturbation[str]):
    """Denies what the last phrase names: "a chef with a knife" → "a chef with no knife"."""

    name = "negation"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        if words.lexicon is not None:
            harm = [mention for mention in words.lexicon.find(text) if mention.kind == "unsafe"]
            if harm:
                return _denied(text, harm[0].start)
        return re.sub(r"\b(with|holding|of) (?:an?|the|some) ", r"\1 no ", text, count=1)


@dataclass(frozen=True)
class Politeness(Perturbation[str]):
    """Asks kindly."""

    name = "politeness"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        return f"Could you please show me {text.rstrip('.')}, if you do not mind? Thank you very much!"


@dataclass(frozen=True)
class OtherOrder(Perturbation[str]):
    """Puts the last phrase first: "a chef with a knife in the kitchen" → "in the kitchen, a chef with a knife"."""

    name = "other order"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        turns = [*_TURN.finditer(text)]
        if not turns:
            return text
        last = turns[-1]
        return f"{last[1]} {text[last.end() :]}, {text[: last.start()]}"


@dataclass(frozen=True)
class Padding(Perturbation[str]):
    """Puts so many short harmless sentences before the text; an encoder that reads 32 tokens still has room for it."""

    name = "padding"
    sentences: int = 2

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        return " ".join([*(_PADDING[i % len(_PADDING)] for i in range(self.sentences)), text])


@dataclass(frozen=True)
class TwoSentences(Perturbation[str]):
    """Splits the text at its first link: "a chef holding a knife" → "a chef. There is also a knife."."""

    name = "two sentences"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        turn = _TURN.search(text)
        return text if turn is None else f"{text[: turn.start()]}. There is also {text[turn.end() :]}."


def _denied(text: str, start: int) -> str:
    """The text with "no" before what begins at `start`, in the place of an article."""
    before = re.sub(r"\b(?:an?|the|some)\s+$", "", text[:start])
    return f"{before}no {re.sub(r'^(?:an?|the|some) ', '', text[start:])}"
