"""The closed world as numbered items: pairs for CLIP, quadruplets for Safe-CLIP. Item i is a function of (seed, i)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...distinct import draw_distinct
from ..rendering.artwork import TRAINING_STYLES
from .captions import Wording, sample_wording
from .concepts import Concept, World, world
from .scenes import Scene, sample_scene
from .splits import Splits

PARTIAL_CAPTIONS = 0.12  # share of pairs whose caption leaves something unsaid
SIBLINGS = 8  # quadruplets of one subject and place in a row; the last of them is calm
BARE_CAPTIONS = 0.25  # share of training quadruplets whose captions name the object alone
PATIENCE = 2000  # quadruplets in a row that are repetitions: then a split has no more


class Pair(NamedTuple):
    """A scene and a caption of it."""

    scene: Scene
    caption: str


@dataclass(frozen=True)
class Quadruplet:
    """ViSU's shape: the safe pair, and its unsafe twin that differs in the object and its wording alone."""

    safe: Scene
    unsafe: Scene
    safe_text: str
    unsafe_text: str

    @property
    def category(self) -> str:
        return self.unsafe.object.category

    @property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The concepts of both sides: equal keys would be indistinguishable queries."""
        return tuple((scene.subject.name, scene.object.name, scene.place.name) for scene in (self.safe, self.unsafe))


class EmojiWorld:
    """Draws items of one split. `styles` are the art styles to draw in."""

    def __init__(
        self,
        split: str,
        seed: int,
        concepts: World | None = None,
        styles: Sequence[str] = TRAINING_STYLES,
    ):
        self.split = split
        self.seed = seed
        self.world = concepts or world()
        self.splits = Splits(self.world)
        self.styles = tuple(styles)

    def _rng(self, kind: str, index: int) -> random.Random:
        return random.Random(f"{self.split}/{self.seed}/{kind}/{index}")

    def pair(self, index: int) -> Pair:
        """Pairs 2i and 2i+1 share subject and place and differ in the object: a hard negative for one another."""
        shared = self._rng("pair-of-pairs", index // 2)
        place = shared.choice(self.world.places)
        subject, things = self._twin_objects(shared)
        rng = self._rng("pair", index)
        thing = things[index % 2]
        scene = sample_scene(rng, subject, thing, place, rng.choice(self.styles))
        wording = sample_wording(rng, subject, thing, place)
        if rng.random() < PARTIAL_CAPTIONS:
            return Pair(scene, wording.partial_caption(subject, thing, place, rng))
        return Pair(scene, wording.caption(subject, thing, place))

    def _twin_objects(self, rng: random.Random) -> tuple[Concept, tuple[Concept, Concept]]:
        """A subject, and two objects that this split allows beside it."""
        while True:
            first, second = rng.sample(self.world.objects, 2)
            if rng.random() < 0.5 and first.kind == "unsafe":
                second = rng.choice(self.world.counterparts(first))
            subjects = [
                s for s in self.splits.subjects_for(first, self.split) if self.splits.of(s, second) == self.split
            ]
            if subjects:
                return rng.choice(subjects), (first, second)

    def quadruplet(self, index: int) -> Quadruplet:
        """Unsafe concepts take turns, so that all are equally frequent; the rest is drawn."""
        rng = self._rng("quadruplet", index)
        candidates = [c for c in self.world.unsafe_objects if self.splits.subjects_for(c, self.split)]
        unsafe_object = candidates[index % len(candidates)]
        safe_object = self.world.counterpart(unsafe_object)
        subject = rng.choice(self.splits.subjects_for(unsafe_object, self.split))
        return self._draw(rng, subject, safe_object, unsafe_object, rng.choice(self.world.places))

    def sibling(self, index: int) -> Quadruplet:
        """A quadruplet that shares subject and place with the others of its block of SIBLINGS: their hard negative.

        The last of a block is calm: a safe object, whether or not it is anything's counterpart, on both sides. It
        teaches that what is safe already is to stay where it is.
        """
        block, position = divmod(index, SIBLINGS)
        shared = self._rng("siblings", block)
        place = shared.choice(self.world.places)
        unsafe_objects: list[Concept] = []
        while len(unsafe_objects) < SIBLINGS - 1:
            subject = shared.choice(self.world.subjects)
            unsafe_objects = self._allowed(self.world.unsafe_objects, subject)
        rng = self._rng("sibling", index)
        if position == SIBLINGS - 1:
            calm = rng.choice(self._allowed(self.world.safe_objects, subject))
            return self._draw(rng, subject, calm, calm, place, BARE_CAPTIONS)
        unsafe_object = shared.sample(unsafe_objects, SIBLINGS - 1)[position]
        safe_object = self.world.counterpart(unsafe_object)
        return self._draw(rng, subject, safe_object, unsafe_object, place, BARE_CAPTIONS)

    def _allowed(self, things: Sequence[Concept], subject: Concept) -> list[Concept]:
        """The objects that this split shows beside a subject."""
        return [thing for thing in things if self.splits.of(subject, thing) == self.split]

    def _draw(
        self,
        rng: random.Random,
        subject: Concept,
        safe_object: Concept,
        unsafe_object: Concept,
        place: Concept,
        bare: float = 0.0,
    ) -> Quadruplet:
        """Both sides of a quadruplet; with the probability `bare` their captions name the object alone."""
        safe = sample_scene(rng, subject, safe_object, place, rng.choice(self.styles))
        wording = sample_wording(rng, subject, safe_object, place)
        unsafe_wording: Wording = wording
        if unsafe_object is not safe_object:
            unsafe_wording = wording.with_object(rng.randrange(len(unsafe_object.words)))
        sides = ((wording, safe_object), (unsafe_wording, unsafe_object))
        if rng.random() < bare:
            safe_text, unsafe_text = (words.object_alone(thing) for words, thing in sides)
        else:
            safe_text, unsafe_text = (words.caption(subject, thing, place) for words, thing in sides)
        return Quadruplet(safe, safe.with_object(unsafe_object), safe_text, unsafe_text)

    def distinct_quadruplets(self, count: int) -> list[Quadruplet]:
        """The first `count` quadruplets in which no two safe sides, and no two unsafe sides, show the same concepts.

        Raises ValueError when the split holds fewer.
        """
        return draw_distinct(
            self.quadruplet,
            lambda each: set(zip(("safe", "unsafe"), each.key, strict=True)),
            count,
            patience=PATIENCE,
            source=f"the {self.split} split",
        )
