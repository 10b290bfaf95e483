"""Table of the perturbations. A new one is one class, and one entry here."""

import random
from dataclasses import dataclass

from ...errors import QueryError
from .declaration import Perturbation, Words
from .letters import Confusables, Leetspeak, Misspelling
from .sentences import Negation, OtherOrder, Padding, Politeness, TwoSentences
from .wording import NAMES, OtherLanguage, Synonyms

_ALL: tuple[Perturbation, ...] = (
    Synonyms(),
    Misspelling(),
    Leetspeak(),
    Confusables(),
    Negation(),
    Politeness(),
    OtherOrder(),
    Padding(),
    TwoSentences(),
    *(OtherLanguage(language) for language in NAMES),
)
PERTURBATIONS: dict[str, Perturbation] = {each.name: each for each in _ALL}

BETWEEN = "+"
MOST = 4  # of a stack


@dataclass(frozen=True)
class Stack:
    """Perturbations that are applied one after the other; none leaves a text as it is."""

    steps: tuple[Perturbation, ...] = ()

    @property
    def name(self) -> str:
        """As `parse_stack` reads it: "synonyms+leetspeak", or "" for no perturbation."""
        return BETWEEN.join(step.name for step in self.steps)

    def stages(self, text: str, words: Words) -> list[str]:
        """The text after each step. The draws depend on the text and the stack alone, so they can be repeated."""
        rng = random.Random(f"{self.name}\n{text}")
        found = []
        for step in self.steps:
            text = step.apply(text, words, rng)
            found.append(text)
        return found


def parse_stack(name: str) -> Stack:
    """Reads the names of perturbations with + between them. Raises QueryError for one that there is not."""
    names = [each.strip() for each in name.split(BETWEEN) if each.strip()]
    if unknown := [each for each in names if each not in PERTURBATIONS]:
        raise QueryError(f"There is no perturbation “{unknown[0][:64]}”. Choose among {', '.join(PERTURBATIONS)}.")
    if len(names) > MOST:
        raise QueryError(f"A stack has {MOST} perturbations at most, not {len(names)}.")
    return Stack(tuple(PERTURBATIONS[each] for each in names))
