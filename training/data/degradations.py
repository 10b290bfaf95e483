"""Degradations that imitate a diffusion model's: blur, lost detail, JPEG blocks, other colours, noise, a shift."""

import io

import numpy as np
from PIL import Image, ImageFilter

SHIFT = 4  # px
GAIN, OFFSET = 0.12, 0.08  # of colours, in shares of the range
NOISE = 0.03  # standard deviation at most, in shares of the range
NOISY = 0.3  # share of images


def degrade(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Shifts an RGB image, blurs, coarsens or compresses it (or not), changes its colours and may add noise."""
    return _recoloured(_DEGRADATIONS[rng.integers(len(_DEGRADATIONS))](_shifted(image, rng), rng), rng)


def _shifted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    x, y = rng.integers(-SHIFT, SHIFT + 1, size=2).tolist()
    moved = image.copy()  # the uncovered margin keeps its old pixels: backdrops are smooth
    moved.paste(image, (x, y))
    return moved


def _unchanged(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image


def _blurred(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5)))


def _coarser(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scales down and up again, which keeps shapes and loses edges, as an autoencoder does."""
    small = [round(side * rng.uniform(0.35, 0.75)) for side in image.size]
    return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC)


def _compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(20, 80)))
    return Image.open(buffer).convert("RGB")


_DEGRADATIONS = (_unchanged, _blurred, _coarser, _coarser, _compressed)


def _recoloured(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32)
    gain = (1 + rng.uniform(-GAIN, GAIN, 3)).astype(np.float32)
    offset = (255 * rng.uniform(-OFFSET, OFFSET, 3)).astype(np.float32)
    pixels = pixels * gain + offset
    if rng.random() < NOISY:
        pixels += 255 * np.float32(rng.uniform(0, NOISE)) * rng.standard_normal(pixels.shape, dtype=np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
