"""The scenes that a painter learns to paint: one art style, few layouts, large sprites, every object equally often.

Distances are whole sixteenths of the side: 8 px at 128 px, one cell of a latent grid at an eightfold reduction. A
sprite therefore always meets the grid of the autoencoder in the same way, and has to be learnt only once.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .world.captions import sample_wording
from .world.concepts import World, world
from .world.scenes import Placement, Scene
from .world.splits import Splits

STYLE = "fluent"  # flat shapes of few strong colours: of the training styles the one that survives 128 px best
CELLS = 16
SUBJECT, OBJECT = 9 / CELLS, 8 / CELLS  # sizes
VARIANTS = 4  # of each backdrop
PARTIAL_CAPTIONS = 0.06  # share of captions that leave something unsaid


def painting_layout(rng: random.Random) -> tuple[Placement, Placement]:
    """One of eight layouts: subject left or right, by two overlaps with the object, by two heights of the ground."""
    subject_x = (4.5 + rng.randrange(2)) / CELLS
    object_x = 12 / CELLS
    if rng.random() < 0.5:
        subject_x, object_x = 1 - subject_x, 1 - object_x
    foot = (13 + rng.randrange(2)) / CELLS
    return Placement(subject_x, foot, SUBJECT, False), Placement(object_x, foot + 1 / CELLS, OBJECT, False)


@dataclass(frozen=True)
class Painting:
    """A scene, and several captions of it."""

    scene: Scene
    captions: tuple[str, ...]


class Paintings:
    """Numbered scenes of one split. Item i is a function of (split, seed, i); objects take turns."""

    def __init__(self, split: str, seed: int, styles: Sequence[str] = (STYLE,), concepts: World | None = None):
        self.split = split
        self.seed = seed
        self.styles = tuple(styles)
        self.world = concepts or world()
        self._splits = Splits(self.world)
        self._objects = [c for c in self.world.objects if self._splits.subjects_for(c, split)]
        random.Random(f"{split}/{seed}/turns").shuffle(self._objects)  # so that any stretch of items is a fair sample

    def painting(self, index: int, captions: int = 1) -> Painting:
        """The scene of an index with `captions` wordings, each drawn apart."""
        rng = random.Random(f"{self.split}/{self.seed}/painting/{index}")
        thing = self._objects[index % len(self._objects)]
        subject = rng.choice(self._splits.subjects_for(thing, self.split))
        place = rng.choice(self.world.places)
        style = rng.choice(self.styles)
        variant = rng.randrange(VARIANTS)
        scene = Scene(subject, thing, place, style, variant, *painting_layout(rng), light_from_left=True)
        texts = []
        for _ in range(captions):
            wording = sample_wording(rng, subject, thing, place)
            partial = rng.random() < PARTIAL_CAPTIONS
            texts.append(
                wording.partial_caption(subject, thing, place, rng)
                if partial
                else wording.caption(subject, thing, place)
            )
        return Painting(scene, tuple(texts))
