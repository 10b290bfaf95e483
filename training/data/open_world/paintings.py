"""The scenes that a painter learns to paint: one art style, few layouts, large sprites, every concept equally often.

Distances are whole sixteenths of the side: 8 px at 128 px, one cell of a latent grid at an eightfold reduction. A
sprite therefore always meets the grid of the autoencoder in the same way, and has to be learnt only once.
"""

import random
import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from .concepts.concept import Concept
from .items import OpenWorld
from .rendering.renderer import TRAINING_SIZE, SceneRenderer
from .rendering.sprites import Sprites
from .scenes.layouts import Layouts, Placement
from .scenes.relations import Relations
from .scenes.sampling import SceneSampler, sample_until
from .scenes.scene import Entity, Scene, Shape
from .splits import TRAIN, Phase

TABLE = Path(__file__).with_name("sets") / "painter.toml"
STYLE = "fluent"  # flat shapes of few strong colours: of the training styles the one that survives 128 px best
CELLS = 16
SIZES = ((0.56, 10), (0.40, 8), (0.30, 6), (0.0, 4))  # from a share of the side on, a sprite has so many cells
BESIDE = 8  # cells of a sprite at most that shares the picture with another
LAYOUTS = 4  # seeds of layouts
VARIANTS = 2  # of each backdrop
SHAPES: tuple[Shape, ...] = ("pair", "pair", "still", "pair", "verb", "pair", "alone", "pair", "still_two", "pair")
MOST = 3  # copies of one thing


class GridLayouts(Layouts):
    """Layouts whose sprites are whole even numbers of cells wide, stand on whole cells and are not mirrored."""

    def of(self, scene: Scene) -> tuple[Placement, ...]:
        """The placements of a scene, from back to front; equal scenes give equal ones."""
        single = scene.shape in ("alone", "still")
        return tuple(self._snapped(placement, 10 if single else BESIDE) for placement in super().of(scene))

    @staticmethod
    def _snapped(at: Placement, most: int) -> Placement:
        cells = min(most, next(cells for share, cells in SIZES if at.size >= share))
        x = min(max(round(at.x * CELLS), cells // 2), CELLS - cells // 2)
        foot = min(max(round(at.foot * CELLS), cells), CELLS)
        mirrored = at.mirrored and bool(at.mark)
        return replace(at, x=x / CELLS, foot=foot / CELLS, size=cells / CELLS, mirrored=mirrored)


class PaintingRenderer(SceneRenderer):
    """A SceneRenderer that lays scenes out as a painter learns them."""

    def __init__(self, sprites: Sprites, verbs: Relations, size: int = TRAINING_SIZE):
        super().__init__(sprites, verbs, size)
        self._layouts = GridLayouts(verbs, self._extent)


@lru_cache(maxsize=1)
def painted_concepts(path: Path = TABLE) -> frozenset[str]:
    """The beings and things that the shipped painter learns, by the table beside the sets of texts."""
    return frozenset(name for names in tomllib.loads(path.read_text(encoding="utf-8")).values() for name in names)


def is_paintable(scene: Scene) -> bool:
    """Whether the shipped painter learnt the shape of a scene and everything that stands in it."""
    return scene.shape in SHAPES and painted_concepts() >= {concept.name for concept in scene.concepts}


@dataclass(frozen=True)
class Painting:
    """A scene, and several captions of it."""

    scene: Scene
    captions: tuple[str, ...]


class Paintings:
    """Numbered scenes of one split and phase of the open world. Item i is a function of (split, phase, seed, i).

    Shapes take turns, and within a shape things, verbs and beings do. People have the emoji's own yellow. Of the beings
    and things those called `names` are shown, or all.
    """

    def __init__(
        self,
        split: str = TRAIN,
        phase: Phase = TRAIN,
        seed: int = 0,
        styles: tuple[str, ...] = (STYLE,),
        names: frozenset[str] | None = None,
    ):
        self.world = OpenWorld(split, phase, seed)
        self.key = f"{split}/{phase}/{seed}"
        known = self.world.catalogue
        tables = self.world.splits
        safe, unsafe, beings = (
            [concept for concept in group if names is None or concept.name in names]
            for group in (known.safe_objects, known.unsafe, known.actors)
        )
        self._sampler = SceneSampler(known, tables.relations, safe, tables.places(split, phase), styles)
        order = random.Random(f"{self.key}/turns")
        self._things = order.sample([*safe, *unsafe], len(safe) + len(unsafe))
        self._beings = order.sample(beings, len(beings))
        verbs = (*tables.relations.safe_verbs, *tables.relations.unsafe_verbs)
        self._verbs = order.sample(verbs, len(verbs))

    def painting(self, index: int, captions: int = 1) -> Painting:
        """The scene of an index with `captions` wordings, each drawn apart."""
        scene = self.scene(index)
        texts = tuple(self.caption(scene, f"{self.key}/painting/{index}/{draw}") for draw in range(captions))
        return Painting(scene, texts)

    def caption(self, scene: Scene, key: str) -> str:
        """A caption of the scene in the forms of the split, without misspellings."""
        return self.world.captioner.caption(scene, key, self.world.forms, misspelt=0.0).text

    def scene(self, index: int) -> Scene:
        """The scene of an index. Raises ValueError where the phase holds none with what is in turn."""
        rng = random.Random(f"{self.key}/painting/{index}")
        round_number, position = divmod(index, len(SHAPES))
        shape = SHAPES[position]
        turn = round_number * SHAPES.count(shape) + SHAPES[:position].count(shape)
        for step in range(len(self._things)):  # what is in turn may be in no scene of the phase: then the next one is
            found = sample_until(rng, lambda rng, at=turn + step: self._fitting(rng, shape, at))
            if found:
                return found
        raise ValueError(f"{self.key} holds no scene of the shape {shape}")

    def _fitting(self, rng: random.Random, shape: Shape, turn: int) -> Scene | None:
        scene = self._plain(rng, self._drawn(rng, shape, turn))
        fits = self.world.judge.verdict(scene) is not None and self.world.splits.phase(scene) == self.world.phase
        return scene if fits else None

    def _drawn(self, rng: random.Random, shape: Shape, turn: int) -> Scene:
        """A scene of a shape; beings of pairs are drawn, those that stand alone and all things take turns."""
        thing, sampler = self._things[turn % len(self._things)], self._sampler
        if shape == "verb":
            first, second = rng.sample(self._beings, 2)
            scene = sampler.verb(rng, self._verbs[turn % len(self._verbs)], first)
            return replace(scene, second=sampler.being(rng, second))
        if shape == "alone":
            return replace(sampler.alone(rng), subject=sampler.being(rng, self._beings[turn % len(self._beings)]))
        if shape == "still":
            return sampler.still(rng, self._of_turn(turn))
        if shape == "still_two":
            scene = sampler.still_two(rng)
            return replace(scene, object=sampler.thing(rng, thing)) if thing != scene.second.concept else scene
        return sampler.pair(rng, rng.choice(self._beings), thing)

    def _of_turn(self, turn: int) -> Concept:
        return self._things[-1 - turn % len(self._things)]

    @staticmethod
    def _plain(rng: random.Random, scene: Scene) -> Scene:
        """The scene with few layouts and backdrops, small numbers, and without sizes and tones of skin."""

        def plain(entity: Entity | None) -> Entity | None:
            return replace(entity, count=min(entity.count, MOST), size="", tone=0) if entity else None

        slots = {slot: plain(getattr(scene, slot)) for slot in ("subject", "object", "second")}
        return replace(scene, **slots, variant=rng.randrange(VARIANTS), layout=rng.randrange(LAYOUTS))
