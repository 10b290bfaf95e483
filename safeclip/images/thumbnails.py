"""Small encoded copies of images, to be shown in the place of the images themselves."""

import io

from PIL import Image

from .blurring import smeared


def thumbnail(image: Image.Image, size: int = 160) -> bytes:
    """A copy of at most `size` px a side as WebP, encoded anew, so that it carries no metadata."""
    small = image.convert("RGB")
    small.thumbnail((size, size))
    return _webp(small, quality=80)


def blurred_thumbnail(image: Image.Image) -> bytes:
    """The image as WebP of 48 × 48 px, without any detail finer than an eighth of its side."""
    return _webp(smeared(image), quality=60)


def _webp(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()
