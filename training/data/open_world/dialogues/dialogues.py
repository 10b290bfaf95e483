"""Dialogues about scenes: a picture, and several questions with true answers. Dialogue i is a function of (seed, i)."""

import random
from dataclasses import dataclass
from typing import NamedTuple

from ..items import OpenWorld
from ..scenes.scene import Scene
from .questions import CAPTION, OTHERS, Question, typed

TURNS = 4


class Turn(NamedTuple):
    """What the user asks, and what the assistant answers."""

    question: str
    answer: str


@dataclass(frozen=True)
class Dialogue:
    """A scene and what is said about it. Each turn can be asked by itself: none refers to another."""

    scene: Scene
    turns: tuple[Turn, ...]


class OpenDialogues:
    """Dialogues about the captioned scenes of a split and phase, in which the unsafe concepts of all phases occur.

    A caption is always asked for; the rest is drawn from what can be asked of the scene.
    """

    def __init__(self, world: OpenWorld, turns: int = TURNS):
        self.world = world
        self._turns = turns

    def scene(self, row: int) -> Scene:
        """The scene of a row of the packed ones."""
        return self.world.pair(row).scene

    def dialogue(self, row: int, draw: int = 0) -> Dialogue:
        """Questions about the scene of a row; each draw asks others, in other words."""
        scene, rng = self.scene(row), random.Random(f"{self.world.seed}/dialogue/{row}/{draw}")
        questions = [CAPTION, *_drawn(rng, scene, self._turns - 1)]
        return Dialogue(scene, tuple(ask(rng, scene, question) for question in questions))


def ask(rng: random.Random, scene: Scene, question: Question) -> Turn:
    """One of the question's wordings about one of the things it can be asked of."""
    fields, answer = rng.choice(question.about(scene))
    return Turn(typed(rng.choice(question.wordings).format_map(fields), rng), answer)


def _drawn(rng: random.Random, scene: Scene, count: int) -> list[Question]:
    """Different questions that can be asked of the scene, heavier ones more often (Efraimidis and Spirakis, 2006)."""
    possible = [question for question in OTHERS if question.about(scene)]
    keys = {question.name: rng.random() ** (1 / question.weight) for question in possible}
    return sorted(possible, key=lambda question: -keys[question.name])[:count]
