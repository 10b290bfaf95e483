"""Images on their way into a vision tower."""

import numpy as np
import torch
from PIL import Image
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD


def stack_pictures(pictures: list[Image.Image]) -> torch.Tensor:
    """RGB images of one size → uint8 (n, 3, height, width)."""
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).contiguous()


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 3, height, width) → float32 as CLIPImageProcessor scales it, on the same device."""
    mean = torch.tensor(OPENAI_CLIP_MEAN, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(OPENAI_CLIP_STD, device=pixels.device).view(1, 3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def jitter(pixels: torch.Tensor, strength: float) -> torch.Tensor:
    """Changes brightness and contrast of each normalised image at random, by up to `strength` of their scale.

    Draws from the default generator of the images' device.
    """
    shape = (len(pixels), 1, 1, 1)
    contrast = 1 + strength * (2 * torch.rand(shape, device=pixels.device) - 1)
    brightness = strength * (2 * torch.rand(shape, device=pixels.device) - 1)
    return pixels * contrast + brightness
