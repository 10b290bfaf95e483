"""Dialogues about scenes: a picture, and two to four questions with true answers.

Dialogue i is a function of (seed, i).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..rendering.artwork import TRAINING_STYLES
from .concepts import World, world
from .questions import CAPTION, OTHERS
from .scenes import Scene, sample_scene
from .splits import Splits

TURNS = (2, 3, 4)
BLOCK = 64  # neighbours that have equally many turns: a batch of them is padded little


class Turn(NamedTuple):
    """What the user asks, and what the assistant answers."""

    question: str
    answer: str


@dataclass(frozen=True)
class Dialogue:
    """A scene and what is said about it."""

    scene: Scene
    turns: tuple[Turn, ...]


class EmojiDialogues:
    """Draws the dialogues of one split, safe and unsafe scenes alike."""

    def __init__(
        self, split: str, seed: int, concepts: World | None = None, styles: Sequence[str] = TRAINING_STYLES
    ) -> None:
        self.split = split
        self.seed = seed
        self.world = concepts or world()
        self.splits = Splits(self.world)
        self.styles = tuple(styles)
        self._objects = [thing for thing in self.world.objects if self.splits.subjects_for(thing, split)]

    def _rng(self, kind: str, index: int) -> random.Random:
        return random.Random(f"{self.split}/{self.seed}/{kind}/{index}")

    def dialogue(self, index: int) -> Dialogue:
        """Objects take turns in a shuffled order, so that all are equally frequent; the rest is drawn.

        A caption is always asked for, half the time first: whatever the order, each concept of the scene has to be
        read off the picture once.
        """
        scene = self._scene(index)
        rng = self._rng("dialogue", index)
        others = rng.sample(OTHERS, self._rng("turns", index // BLOCK).choice(TURNS) - 1)
        questions = [CAPTION, *others]
        if rng.random() < 0.5:
            rng.shuffle(questions)
        return Dialogue(scene, tuple(Turn(question.ask(rng), question.answer(scene)) for question in questions))

    def _scene(self, index: int) -> Scene:
        round_number, position = divmod(index, len(self._objects))
        thing = self._rng("objects", round_number).sample(self._objects, len(self._objects))[position]
        rng = self._rng("scene", index)
        subject = rng.choice(self.splits.subjects_for(thing, self.split))
        return sample_scene(rng, subject, thing, rng.choice(self.world.places), rng.choice(self.styles))
