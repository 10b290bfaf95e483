"""Turns images into the pixels that an image tower reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ..images.loading import to_rgb
from .processors import made_size

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPImageProcessor


def pixels(image_processor: "CLIPImageProcessor", images: "Sequence[Image.Image]") -> torch.Tensor:
    """Resizes, crops and normalises n images of any size and mode: (n, 3, H, W) float32 on the CPU.

    Transparency is laid over white and 16 bits become 8, as `open_image` does. Raises ImageError for a mode that cannot
    become RGB.
    """
    if not images:
        size = made_size(image_processor)
        return torch.empty(0, 3, size["height"], size["width"])
    rgb = [to_rgb(image) for image in images]
    return image_processor(rgb, return_tensors="pt")["pixel_values"]
