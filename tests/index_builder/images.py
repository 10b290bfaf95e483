"""Images to index."""

import io

import numpy as np
from PIL import Image


def noise(seed: int, format: str = "PNG", **options) -> bytes:
    """An image that no other looks like."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.kron(blocks, np.ones((8, 8, 1), np.uint8))).save(buffer, format, **options)
    return buffer.getvalue()
