"""What a painter does to a scene, without one: blur, lost detail, JPEG's blocks, drifting colours, noise, a shift."""

import io

import numpy as np
from PIL import Image, ImageFilter

SHIFT = 4  # px
GAIN, OFFSET = 0.12, 0.08  # of colours, in shares of the range
NOISE = 0.03  # standard deviation at most, in shares of the range
NOISY = 0.3  # share of pictures


def soften(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The RGB picture, moved, made softer in one way or in none, with other colours and at times noise."""
    return _recoloured(_SOFTER[rng.integers(len(_SOFTER))](_shifted(picture, rng), rng), rng)


def _shifted(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    x, y = rng.integers(-SHIFT, SHIFT + 1, size=2).tolist()
    moved = picture.copy()  # what the shift uncovers keeps its old pixels: backdrops are smooth
    moved.paste(picture, (x, y))
    return moved


def _as_it_is(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture


def _blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5)))


def _coarser(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Down and up again: as an autoencoder does, it keeps shapes and loses edges."""
    small = [round(side * rng.uniform(0.35, 0.75)) for side in picture.size]
    return picture.resize(small, Image.Resampling.BOX).resize(picture.size, Image.Resampling.BICUBIC)


def _compressed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(rng.integers(20, 80)))
    return Image.open(buffer).convert("RGB")


_SOFTER = (_as_it_is, _blurred, _coarser, _coarser, _compressed)


def _recoloured(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float32)
    gain = (1 + rng.uniform(-GAIN, GAIN, 3)).astype(np.float32)
    offset = (255 * rng.uniform(-OFFSET, OFFSET, 3)).astype(np.float32)
    pixels = pixels * gain + offset
    if rng.random() < NOISY:
        pixels += 255 * np.float32(rng.uniform(0, NOISE)) * rng.standard_normal(pixels.shape, dtype=np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
