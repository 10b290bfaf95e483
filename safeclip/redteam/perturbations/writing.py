"""Perturbation of a picture by a word that is written on it, the typographic attack of Goh et al. (2021)."""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .declaration import Perturbation, Words


@dataclass(frozen=True)
class WrittenWord(Perturbation[Image.Image]):
    """Writes the word on a white label across the lower part of the picture, so many of its heights high."""

    name = "written word"
    height: float = 0.16

    def apply(self, image: Image.Image, words: Words, rng: random.Random) -> Image.Image:
        labelled = image.copy()
        draw = ImageDraw.Draw(labelled)
        font = _fitting(draw, words.written, 0.9 * image.width, self.height * image.height)
        left, top, right, bottom = draw.textbbox(
            (image.width / 2, 0.8 * image.height), words.written, font, anchor="mm"
        )
        pad = 0.02 * image.width
        draw.rectangle((left - pad, top - pad, right + pad, bottom + pad), fill="white")
        draw.text((image.width / 2, 0.8 * image.height), words.written, "black", font, anchor="mm")
        return labelled


def _fitting(
    draw: ImageDraw.ImageDraw, word: str, width: float, height: float
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, `height` px high, or smaller where the word would be wider than `width`."""
    wide = draw.textlength(word, ImageFont.load_default(height))
    return ImageFont.load_default(max(6.0, height * min(1.0, width / max(1.0, wide))))
