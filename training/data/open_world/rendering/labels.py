"""Concept labels of painted scenes, for supervising a vision tower or a judge patch by patch."""

import numpy as np

from ...emoji.rendering.labels import IGNORED
from ..scenes.layouts import Placement
from ..scenes.scene import Scene

SLOTS = ("subject", "object", "second")


def scene_labels(scene: Scene) -> np.ndarray:
    """int64 (4,): the labels of subject, object, second and place; IGNORED where the scene has none."""
    entities = [getattr(scene, slot) for slot in SLOTS]
    return np.array([*(e.concept.label if e else IGNORED for e in entities), scene.place.label])


def patch_labels(scene: Scene, placements: tuple[Placement, ...], grid: int) -> np.ndarray:
    """int64 (grid * grid,), row by row: what stands in the middle of each patch, in front last, else the place.

    Patches on the edge of a sprite, and those of a verb's marks, are IGNORED.
    """
    centres = (np.arange(grid) + 0.5) / grid
    x, y = np.meshgrid(centres, centres)
    labels = np.full((grid, grid), scene.place.label)
    for at in placements:
        distance = np.hypot(x - at.x, y - (at.foot - at.size / 2)) / (at.size / 2)
        labels[distance < 1.0] = IGNORED
        if not at.mark:
            labels[distance < 0.72] = getattr(scene, at.slot).concept.label
    return labels.ravel()
