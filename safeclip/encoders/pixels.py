"""Turns images into the pixels that an image tower reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPImageProcessor


def pixels(image_processor: "CLIPImageProcessor", images: "Sequence[Image.Image]") -> torch.Tensor:
    """Resizes, crops and normalises n images of any size and mode: (n, 3, H, W) float32 on the CPU."""
    if not images:
        size = image_processor.crop_size if image_processor.do_center_crop else image_processor.size
        return torch.empty(0, 3, size["height"], size["width"])
    rgb = [image if image.mode == "RGB" else image.convert("RGB") for image in images]
    return image_processor(rgb, return_tensors="pt")["pixel_values"]
