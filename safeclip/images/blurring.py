"""Reduces an image that must not be shown to its coarse colours, from which nothing can be restored."""

from PIL import Image, ImageFilter

# The Gaussian spans neighbouring cells, so that colours and light survive and shapes do not.
_CELLS = 8
_SIZE = 48
_RADIUS = 3


def smeared(image: Image.Image) -> Image.Image:
    """Reduces an image of any size and mode to 8 × 8 average colours, smoothed and enlarged to 48 × 48 px RGB."""
    cells = image.convert("RGB").resize((_CELLS, _CELLS), Image.Resampling.BOX)
    return cells.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(_RADIUS))
