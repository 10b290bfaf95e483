"""Where everything of a scene stands: drawn from the scene's layout seed, before anything is painted.

Distances are fractions of the picture's side. A sprite is a square whose drawing touches its lower edge (`foot`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from .relations import Relations
from .scene import Entity, Scene

Extent = Callable[[Entity], tuple[float, float]]  # width and height of an entity's drawing, in sides of its sprite

BIG, SMALL = 1.25, 0.6
EDGE = 0.02  # what stays free at the picture's borders
SPEED = "💨"  # flies from an aimed thing towards its target
GROUPS = {  # where the copies of a thing stand, in sides of their common square, and how large each is
    1: (((0.0, 0.0),), 1.0),
    2: (((-0.27, 0.0), (0.27, 0.0)), 0.56),
    3: (((-0.27, 0.0), (0.27, 0.0), (0.0, -0.42)), 0.54),
    4: (((-0.27, 0.0), (0.27, 0.0), (-0.27, -0.46), (0.27, -0.46)), 0.52),
}


@dataclass(frozen=True)
class Placement:
    """Where one sprite stands: centre x, foot y, side; and what it shows: a slot of the scene, or a bare emoji."""

    slot: str  # "subject" | "object" | "second" | "mark"
    x: float
    foot: float
    size: float
    mirrored: bool = False
    mark: str = ""
    grounded: bool = True  # throws a shadow


@dataclass(frozen=True)
class _Spot:
    """A square for one entity, before copies are spread in it."""

    x: float
    foot: float
    size: float
    grounded: bool = True


class Layouts:
    """Lays out scenes: `of(scene)` gives placements from back to front. `extent` measures the drawings."""

    def __init__(self, relations: Relations, extent: Extent):
        self._relations = relations
        self._extent = extent

    def of(self, scene: Scene) -> tuple[Placement, ...]:
        """The placements of a scene, from back to front; equal scenes give equal ones."""
        rng = random.Random(scene.layout)
        side = rng.choice((-1, 1))
        spots, marks = self._spots(scene, rng, side)
        placed = [
            placement
            for slot, spot in spots.items()
            for placement in _copies(slot, getattr(scene, slot), spot, _mirrored(slot, spots, rng))
        ]
        return (*placed, *marks)

    def _spots(self, scene: Scene, rng: random.Random, side: int) -> tuple[dict[str, _Spot], list[Placement]]:
        """A spot for each slot, from back to front, and the marks of a verb."""
        if scene.shape in ("alone", "still"):
            slot = "subject" if scene.subject else "object"
            return {slot: _Spot(0.5 + rng.uniform(-0.1, 0.1), rng.uniform(0.86, 0.93), rng.uniform(0.6, 0.7))}, []
        if scene.shape == "verb":
            return _verb(scene, self._relations, rng, side)
        if scene.shape == "aimed":
            return _aimed(rng, side)
        first, other = ("object", "second") if scene.shape == "still_two" else ("subject", "object")
        layout = self._relations.by_name[scene.relation].layout
        sizes = (0.52, 0.42) if scene.shape == "pair" else (0.44, 0.44) if scene.shape == "still_two" else (0.46, 0.34)
        spots = self._related(scene, layout, (first, other), sizes, rng, side)
        if scene.shape == "trio":
            spots = _with_second(spots, rng, side)
        return spots, []

    def _related(
        self,
        scene: Scene,
        layout: str,
        slots: tuple[str, str],
        sizes: tuple[float, float],
        rng: random.Random,
        side: int,
    ) -> dict[str, _Spot]:
        """Spots of two slots in a spatial relation, the one in front last."""
        first, other = slots
        large, small = sizes[0] + rng.uniform(0, 0.06), sizes[1] + rng.uniform(0, 0.04)
        ground = rng.uniform(0.88, 0.93)
        if layout == "on_top":
            height = self._height(getattr(scene, other), large)
            bottom = _Spot(0.5 + rng.uniform(-0.08, 0.08), ground + 0.03, large)
            top = _Spot(bottom.x, bottom.foot - 0.88 * height, min(small, bottom.foot - 0.88 * height - EDGE), False)
            return {other: bottom, first: top}
        if layout == "under":
            below = _Spot(0.5 + rng.uniform(-0.1, 0.1), ground + 0.03, large * 0.9)
            over = below.foot - self._height(getattr(scene, first), below.size)
            return {first: below, other: _Spot(below.x, over, min(small, over - EDGE), False)}
        if layout in ("in_front", "behind"):
            front, back = (first, other) if layout == "in_front" else (other, first)
            x = 0.5 - side * 0.12
            far = _Spot(x + side * 0.27, ground - 0.12, large)
            return {back: far, front: _Spot(x, ground + 0.04, large * 0.86)}
        side = {"left": 1, "right": -1}.get(layout, side)
        if layout == "held":
            x = 0.5 - side * rng.uniform(0.12, 0.18)
            hand = x + side * (large * 0.32 + small * 0.36)
            return {first: _Spot(x, ground, large + 0.04), other: _Spot(hand, ground - 0.02, small, False)}
        gap = (1 - large - small) / 3
        x = 0.5 - side * (0.5 - gap - large / 2)
        return {first: _Spot(x, ground, large), other: _Spot(0.5 + side * (0.5 - gap - small / 2), ground, small)}

    def _height(self, entity: Entity, size: float) -> float:
        """How high an entity's drawing, or the group of its copies, rises above its foot."""
        copies, share = GROUPS[entity.count]
        own = _sized(entity, size) * share * self._extent(entity)[1]
        return own - min(up for _, up in copies) * _sized(entity, size)


def _mirrored(slot: str, spots: dict[str, _Spot], rng: random.Random) -> bool:
    """Beings turn to what else is there: most emoji look to the left, and emblems are on the right, out of its way."""
    others = [spot.x for other, spot in spots.items() if other != slot]
    by_chance = rng.random() < 0.5
    if slot == "object" or not others:
        return by_chance
    return sum(others) / len(others) > spots[slot].x


def _with_second(spots: dict[str, _Spot], rng: random.Random, side: int) -> dict[str, _Spot]:
    """Moves a pair to one side and puts the second thing, or being, on the other."""
    moved = {s: replace(spot, x=0.5 + 0.80 * (spot.x - 0.5) - side * 0.14) for s, spot in spots.items()}
    size = rng.uniform(0.32, 0.36)
    return {**moved, "second": _Spot(0.5 + side * (0.5 - size / 2 - EDGE), rng.uniform(0.92, 0.96), size)}


def _aimed(rng: random.Random, side: int) -> tuple[dict[str, _Spot], list[Placement]]:
    """The aimed thing between the two, with dashes that fly towards its target."""
    ground = rng.uniform(0.88, 0.93)
    spots = {
        "subject": _Spot(0.5 - side * 0.29, ground, 0.40),
        "second": _Spot(0.5 + side * 0.30, ground, 0.38),
        "object": _Spot(0.5 - side * 0.03, ground - 0.10, 0.28, False),
    }
    alarm = Placement("mark", 0.5 + side * 0.12, ground - 0.36, 0.16, side < 0, SPEED, False)
    return spots, [alarm]


def _verb(
    scene: Scene, relations: Relations, rng: random.Random, side: int
) -> tuple[dict[str, _Spot], list[Placement]]:
    """Two beings, the verb's mark between them, and how it is for the one it is done to above its head."""
    verb = relations.by_name[scene.relation]
    ground = rng.uniform(0.90, 0.95)
    spots = {"subject": _Spot(0.5 - side * 0.26, ground, 0.44), "second": _Spot(0.5 + side * 0.28, ground, 0.40)}
    marks = [Placement("mark", 0.5 - side * 0.02, ground - 0.30, 0.30, side < 0, verb.mark, False)]
    if verb.victim:
        marks.append(Placement("mark", 0.5 + side * 0.28, ground - 0.42, 0.24, False, verb.victim, False))
    return spots, marks


def _sized(entity: Entity, size: float) -> float:
    return size * {"big": BIG, "small": SMALL}.get(entity.size, 1.0)


def _copies(slot: str, entity: Entity, spot: _Spot, mirrored: bool) -> list[Placement]:
    """The copies of an entity within its spot, the farther ones first; all within the picture."""
    copies, share = GROUPS[entity.count]
    whole = min(_sized(entity, spot.size), 0.78)
    half = whole / 2 + EDGE
    x = min(max(spot.x, half), 1 - half) if half < 0.5 else 0.5
    foot = max(min(spot.foot, 1 - EDGE), whole + EDGE if spot.grounded else EDGE)
    return [
        Placement(slot, x + dx * whole, foot + dy * whole, whole * share, mirrored, "", spot.grounded)
        for dx, dy in sorted(copies, key=lambda at: at[1])
    ]
