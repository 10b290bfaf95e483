"""Encoder of images as WebP."""

import io

from PIL import Image


def as_webp(image: Image.Image, quality: int, **options: int | bool) -> bytes:
    """The image as WebP of a quality up to 100. `options` are Pillow's, such as `method` and `lossless`."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, **options)
    return buffer.getvalue()
