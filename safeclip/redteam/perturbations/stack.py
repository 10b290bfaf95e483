"""Stacks of perturbations: several that are applied one after the other."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from PIL import Image

from ...errors import QueryError
from ...hashing import content_id
from .declaration import Perturbation, T, Words

BETWEEN = "+"
MOST = 4  # of a stack


@dataclass(frozen=True)
class Stack(Generic[T]):
    """Perturbations that are applied one after the other; none leaves a text or a picture as it is."""

    steps: tuple[Perturbation[T], ...] = ()

    @property
    def name(self) -> str:
        """As `parse_stack` reads it: "synonyms+leetspeak", or "" for no perturbation."""
        return BETWEEN.join(step.name for step in self.steps)

    def stages(self, subject: T, words: Words) -> list[T]:
        """The subject after each step. The draws depend on it and the stack alone, so they can be repeated."""
        rng = random.Random(f"{self.name}\n{_key(subject)}")
        found = []
        for step in self.steps:
            subject = step.apply(subject, words, rng)
            found.append(subject)
        return found

    def why_not(self, subject: T, words: Words) -> str:
        """Why a subject stays the same under every step, as the steps tell; "" where nothing is there to change."""
        return " ".join(filter(None, (step.why_not(subject, words) for step in self.steps)))


def parse_stack(name: str, table: Mapping[str, Perturbation[T]]) -> Stack[T]:
    """Reads the names of perturbations of a table with + between them. Raises QueryError for one that is not in it."""
    names = [each.strip() for each in name.split(BETWEEN) if each.strip()]
    if unknown := [each for each in names if each not in table]:
        raise QueryError(f"There is no perturbation “{unknown[0][:64]}”. Choose among {', '.join(table)}.")
    if len(names) > MOST:
        raise QueryError(f"A stack has {MOST} perturbations at most, not {len(names)}.")
    return Stack(tuple(table[each] for each in names))


def _key(subject: str | Image.Image) -> str:
    return subject if isinstance(subject, str) else content_id(subject.tobytes())
