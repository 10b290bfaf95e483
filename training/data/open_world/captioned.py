"""Captions and labels of packed scenes, worked out once and kept on disk, so that training only looks them up."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from .packed import PackedSpec, scenes_of
from .rendering.labels import patch_labels, scene_labels
from .rendering.renderer import SceneRenderer


@dataclass(frozen=True)
class CaptionSpec:
    """How packed scenes are captioned and labelled."""

    scenes: PackedSpec
    draws: int  # captions of a scene, each in words of its own
    grid: int  # patches a side

    @property
    def fingerprint(self) -> str:
        return content_id(f"{self.scenes.fingerprint} {self.draws} {self.grid}")


@dataclass(frozen=True)
class CaptionedScenes:
    """Captions and labels of `count` scenes, in the order of the packed ones."""

    spec: CaptionSpec
    captions: tuple[str, ...]  # caption d of scene i is number i · draws + d; none is misspelt
    labels: np.ndarray  # int16 (count, 4), as `scene_labels` gives them
    patch_labels: np.ndarray  # int16 (count, grid · grid)

    @classmethod
    def open(cls, folder: Path, artwork: Path, spec: CaptionSpec) -> "CaptionedScenes":
        """Those kept in `folder`; worked out and kept when they are missing. Raises ValueError for quadruplets."""
        if spec.scenes.sides != 1:
            raise ValueError(f"captions are kept of pairs or neutral scenes, not of {spec.scenes.kind}")
        path = Path(folder) / f"captions-{spec.fingerprint}.npz"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            captions, labels, patches = _describe(artwork, spec)
            with replacing(path) as partial_path, partial_path.open("wb") as file:
                np.savez_compressed(file, captions=json.dumps(captions), labels=labels, patch_labels=patches)
        with np.load(path) as kept:
            captions = tuple(json.loads(str(kept["captions"])))
            return cls(spec, captions, kept["labels"], kept["patch_labels"])

    def caption_rows(self, rows: np.ndarray, draw: int) -> np.ndarray:
        """Numbers of the captions of some scenes in their `draw`-th words; draws repeat when they are used up."""
        return rows * self.spec.draws + draw % self.spec.draws


def _describe(artwork: Path, spec: CaptionSpec) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Captions, scene labels and patch labels of every scene."""
    world, painter = spec.scenes.open_world(), SceneRenderer.open(artwork, spec.scenes.size)
    caption = partial(world.captioner.caption, forms=world.forms, misspelt=0.0)
    captions, labels, patches = [], [], []
    fingerprint = spec.fingerprint  # reads all sources, so once
    for row in range(spec.scenes.count):
        (scene,) = scenes_of(world, spec.scenes.kind, row)
        captions += [caption(scene, f"{fingerprint}/{row}/{draw}").text for draw in range(spec.draws)]
        labels.append(scene_labels(scene))
        patches.append(patch_labels(scene, painter.placements(scene), spec.grid))
    return captions, np.stack(labels).astype(np.int16), np.stack(patches).astype(np.int16)
