"""Perturbations of a picture's pixels: compression, blur, noise, light and colour."""

import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from .declaration import Perturbation, Words


@dataclass(frozen=True)
class Jpeg(Perturbation[Image.Image]):
    """Compresses the picture as JPEG of a low quality, from 1 to 95."""

    name = "jpeg"
    quality: int = 10

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=self.quality)
        return Image.open(buffer).convert("RGB")


@dataclass(frozen=True)
class Blur(Perturbation[Image.Image]):
    """Blurs the picture by a Gaussian whose radius is so large a share of the shorter side."""

    name = "blur"
    share: float = 0.02

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(self.share * min(image.size)))


@dataclass(frozen=True)
class Noise(Perturbation[Image.Image]):
    """Adds Gaussian noise of this standard deviation, in levels of 0 to 255, to each channel of each pixel."""

    name = "noise"
    deviation: float = 40.0

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        pixels = np.asarray(image, np.float32)  # (height, width, 3)
        noise = np.random.default_rng(rng.getrandbits(32)).normal(0, self.deviation, pixels.shape)
        return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Brightness(Perturbation[Image.Image]):
    """Multiplies the light of the picture by a factor: below 1 it is darker."""

    name = "brightness"
    factor: float = 0.4

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        return ImageEnhance.Brightness(image).enhance(self.factor)


@dataclass(frozen=True)
class Grayscale(Perturbation[Image.Image]):
    """Takes the colours away."""

    name = "grayscale"

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        return image.convert("L").convert("RGB")
