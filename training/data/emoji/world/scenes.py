"""What is in a scene and where: drawn from a seed, before anything is painted."""

import random
from dataclasses import dataclass, replace

from ..rendering.backdrops import VARIANTS
from .concepts import Concept


@dataclass(frozen=True)
class Placement:
    """Where a sprite stands, in fractions of the picture's side: centre x, foot y, height; mirrored or not."""

    x: float
    foot: float
    size: float
    mirrored: bool


@dataclass(frozen=True)
class Scene:
    """A subject and an object at a place, in one art style."""

    subject: Concept
    object: Concept
    place: Concept
    style: str
    variant: int
    subject_at: Placement
    object_at: Placement
    light_from_left: bool

    def with_object(self, other: Concept) -> "Scene":
        """The same picture with another object in the same spot."""
        return replace(self, object=other)


def sample_layout(rng: random.Random) -> tuple[Placement, Placement]:
    """The subject to one side, the object to the other: a little nearer, a little smaller, and overlapping it."""
    side = rng.choice((-1, 1))
    subject_size = rng.uniform(0.50, 0.64)
    subject_x = 0.5 - side * rng.uniform(0.10, 0.22)
    subject_foot = rng.uniform(0.80, 0.90)
    object_size = rng.uniform(0.36, 0.48)
    reach = subject_size / 2 + object_size / 2 - rng.uniform(0.08, 0.16)
    object_x = subject_x + side * reach
    object_x = min(1 - object_size * 0.5, max(object_size * 0.5, object_x))
    object_foot = min(0.97, subject_foot + rng.uniform(0.02, 0.09))
    return (
        Placement(subject_x, subject_foot, subject_size, rng.random() < 0.5),
        Placement(object_x, object_foot, object_size, rng.random() < 0.5),
    )


def sample_scene(rng: random.Random, subject: Concept, thing: Concept, place: Concept, style: str) -> Scene:
    """A scene of the three concepts with a layout, a backdrop variant and a light drawn from `rng`."""
    subject_at, object_at = sample_layout(rng)
    return Scene(subject, thing, place, style, rng.randrange(VARIANTS), subject_at, object_at, rng.random() < 0.5)
