"""Perturbation of a picture by a word that is written on it, the typographic attack of Goh et al. (2021)."""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .declaration import Perturbation, Words

MIDDLE = 0.8  # of a picture's height: where the middle of the label stands
SMALLEST = 6.0  # px of the letters of a word that is too long for its picture


@dataclass(frozen=True)
class WrittenWord(Perturbation[Image.Image]):
    """Writes the word on a white label across the lower part of the picture, so many of its heights high."""

    name = "written word"
    height: float = 0.16

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        draw = ImageDraw.Draw(labelled := image.copy())
        font = _fitting(draw, words.written, 0.9 * image.width, self.height * image.height)
        place = (image.width / 2, MIDDLE * image.height)
        left, top, right, bottom = draw.textbbox(place, words.written, font, anchor="mm")
        pad = 0.02 * image.width
        draw.rectangle((left - pad, top - pad, right + pad, bottom + pad), fill="white")
        draw.text(place, words.written, "black", font, anchor="mm")
        return labelled


def _fitting(
    draw: ImageDraw.ImageDraw, word: str, width: float, height: float
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, `height` px high, or smaller where the word would be wider than `width`."""
    height = max(SMALLEST, height)
    wide = draw.textlength(word, ImageFont.load_default(height))
    return ImageFont.load_default(max(SMALLEST, height * min(1.0, width / max(1.0, wide))))
