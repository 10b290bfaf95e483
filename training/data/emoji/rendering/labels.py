"""Concept labels of a scene, for warming up a vision tower before any text is read."""

import numpy as np

from ..world.scenes import Placement, Scene

IGNORED = -100  # torch's ignore_index: a patch on the edge of a sprite is neither this nor that


def scene_labels(scene: Scene) -> np.ndarray:
    """int64 (3,): the labels of subject, object and place."""
    return np.array([scene.subject.label, scene.object.label, scene.place.label])


def patch_labels(scene: Scene, grid: int) -> np.ndarray:
    """int64 (grid * grid,), row by row: what stands in the middle of each patch, in front first, else the place."""
    centres = (np.arange(grid) + 0.5) / grid
    x, y = np.meshgrid(centres, centres)
    labels = np.full((grid, grid), scene.place.label)
    for concept, at in ((scene.subject, scene.subject_at), (scene.object, scene.object_at)):
        distance = _distance(x, y, at)
        labels[distance < 1.0] = IGNORED
        labels[distance < 0.72] = concept.label
    return labels.ravel()


def _distance(x: np.ndarray, y: np.ndarray, at: Placement) -> np.ndarray:
    """Distance from the sprite's centre, in half sides: 1 on the circle that its square holds."""
    return np.hypot(x - at.x, y - (at.foot - at.size / 2)) / (at.size / 2)
