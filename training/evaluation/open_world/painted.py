"""Scenes painted for an evaluation, kept in files, so that a run that goes on paints only those that are missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from ...data.open_world.packed import PackedSpec
from ...data.open_world.rendering.renderer import TRAINING_SIZE, SceneRenderer
from ...data.open_world.scenes.scene import Scene


@dataclass(frozen=True)
class Painted:
    """n painted scenes: uint8 (n, size, size, 3). `key` names their content."""

    key: str
    pixels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, size: int = 256) -> Iterator[list[Image.Image]]:
        """The pictures, `size` at a time."""
        for start in range(0, len(self), size):
            yield [Image.fromarray(np.asarray(each)) for each in self.pixels[start : start + size]]


class Easel:
    """Paints scenes at `size` px with the artwork below a folder, which is fetched when it is first needed."""

    def __init__(self, artwork: Path, folder: Path, size: int = TRAINING_SIZE):
        self._artwork, self._folder, self._size = artwork, folder, size
        self._renderer: SceneRenderer | None = None
        self._drawing = PackedSpec("pairs", 0, size=size).fingerprint  # of the code and the tables that paint

    def paint(self, scenes: Sequence[Scene]) -> Painted:
        """The scenes, from a file of the folder where they are kept."""
        key = content_id(f"{self._drawing}{list(scenes)!r}")
        path = self._folder / f"{key}.npy"
        if not path.is_file():
            self._renderer = self._renderer or SceneRenderer.open(self._artwork, self._size)
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.stack([np.asarray(self._renderer.paint(scene)) for scene in scenes])
            with replacing(path) as partial, partial.open("wb") as file:
                np.save(file, pixels)
        return Painted(key, np.load(path, mmap_mode="r"))
