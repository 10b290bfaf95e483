"""Images to train an autoencoder on: crops around the objects of a scene, and now and then whole scenes."""

import random
from pathlib import Path

import torch
from PIL import Image

from .emoji.paintings import CELLS, Paintings
from .emoji.rendering.renderer import SceneRenderer
from .pixels import stack_pictures

REACH = 2  # cells between a crop's centre and its object's, at most


class PaintingBatches:
    """Scenes of one split, each a function of (split, seed, number)."""

    def __init__(self, artwork: Path, split: str, seed: int, image_size: int):
        self._paintings = Paintings(split, seed)
        self._renderer = SceneRenderer.open(artwork, self._paintings.world, image_size)
        self._cell = image_size // CELLS

    def whole(self, first: int, count: int) -> torch.Tensor:
        """The scenes first … first + count − 1: uint8 (count, 3, side, side)."""
        return stack_pictures([self._renderer.paint(self._paintings.painting(first + i).scene) for i in range(count)])

    def masks(self, first: int, count: int) -> torch.Tensor:
        """Masks of subject and object of those scenes: bool (count, side, side)."""
        side = self._renderer.size
        masks = torch.zeros(count, side, side, dtype=torch.bool)
        for i in range(count):
            for box in self._renderer.boxes(self._paintings.painting(first + i).scene):
                left, top, right, bottom = (max(0, round(edge * side)) for edge in box)
                masks[i, top:bottom, left:right] = True
        return masks

    def crops(self, first: int, count: int, size: int) -> torch.Tensor:
        """Two crops of each scene, on its subject and on its object: uint8 (2 · count, 3, size, size).

        Their corners lie on the latent grid, as those of whole scenes do.
        """
        found = []
        for index in range(first, first + count):
            scene = self._paintings.painting(index).scene
            image = self._renderer.paint(scene)
            rng = random.Random(f"{self._paintings.seed}/crops/{index}")
            found += [self._crop(image, box, size, rng) for box in self._renderer.boxes(scene)]
        return stack_pictures(found)

    def _crop(self, image: Image.Image, box: tuple[float, ...], size: int, rng: random.Random) -> Image.Image:
        left, top, right, bottom = (edge * image.width for edge in box)
        corner = []
        for middle in ((left + right) / 2, (top + bottom) / 2):
            cell = round((middle - size / 2) / self._cell) + rng.randint(-REACH, REACH)
            corner.append(min(max(0, cell * self._cell), image.width - size))
        return image.crop((*corner, corner[0] + size, corner[1] + size))
