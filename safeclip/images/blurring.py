"""What may be shown of a picture that must not be seen: its colours, and nothing to bring it back from."""

from PIL import Image, ImageFilter

# 8 × 8 averages, smoothed again by a Gaussian that spans neighbouring cells: colours and light survive, shapes do not.
_CELLS = 8
_SIZE = 48
_RADIUS = 3


def smeared(image: Image.Image) -> Image.Image:
    """A picture of any size → 48 × 48 px, RGB, of its 8 × 8 average colours, smoothed, and nothing finer."""
    cells = image.convert("RGB").resize((_CELLS, _CELLS), Image.Resampling.BOX)
    return cells.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(_RADIUS))
