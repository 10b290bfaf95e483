"""Small encoded copies of images, to be shown in the place of the images themselves."""

from PIL import Image

from .blurring import smeared
from .webp import as_webp


def thumbnail(image: Image.Image, size: int = 160) -> bytes:
    """A copy of at most `size` px a side as WebP, encoded anew, so that it carries no metadata."""
    small = image.convert("RGB")
    small.thumbnail((size, size))
    return as_webp(small, quality=80)


def blurred_thumbnail(image: Image.Image) -> bytes:
    """The image as WebP of 48 × 48 px, without any detail finer than an eighth of its side."""
    return as_webp(smeared(image), quality=60)
