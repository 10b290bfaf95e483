"""Perturbations of a picture's geometry: what is in it stays, and stands elsewhere."""

import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from .declaration import Perturbation, Words


@dataclass(frozen=True)
class Crop(Perturbation[Image.Image]):
    """Keeps a rectangle of so large a share of each side, at a place that is drawn."""

    name = "crop"
    share: float = 0.75

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        width, height = (max(1, round(self.share * side)) for side in image.size)
        left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
        return image.crop((left, top, left + width, top + height))


@dataclass(frozen=True)
class Flip(Perturbation[Image.Image]):
    """Mirrors the picture, left for right."""

    name = "flip"

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        return ImageOps.mirror(image)


@dataclass(frozen=True)
class Rotation(Perturbation[Image.Image]):
    """Turns the picture by so many degrees, to the side that is drawn; the corners take the colour of its edge."""

    name = "rotation"
    degrees: float = 20.0

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        angle = rng.choice((-1, 1)) * self.degrees
        return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=image.getpixel((0, 0)))
