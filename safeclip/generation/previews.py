"""Cheap looks at latents on their way: a linear map from a latent's channels to red, green and blue."""

from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

_SWATCHES = 16
_COLOURS = (0.0, 0.5, 1.0)


class Previews:
    """The map of one autoencoder: `weights` float32 (channels + 1, 3), the last row a constant."""

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights

    @classmethod
    @torch.inference_mode()
    def fit(cls, vae: "AutoencoderKL", device: torch.device, size: int = 128) -> Self:
        """Fit the map to patches of all corners of the colour cube and their mixtures, by least squares.

        `size` is the side of the pictures, in px, that are encoded for it on `device`.
        """
        pixels = _swatches(size).to(device, vae.dtype)
        latents = vae.encode(pixels * 2 - 1).latent_dist.mode().float().cpu() * vae.config.scaling_factor
        colours = torch.nn.functional.adaptive_avg_pool2d(pixels.float().cpu(), latents.shape[-2:])
        found = torch.linalg.lstsq(_with_constant(latents).flatten(0, 2), colours.permute(0, 2, 3, 1).flatten(0, 2))
        return cls(found.solution)

    def draw(self, latents: torch.Tensor) -> list[Image.Image]:
        """Latents (n, c, h, w) → n RGB pictures of w × h px."""
        colours = _with_constant(latents.detach().float().cpu()) @ self.weights
        pixels = (colours.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
        return [Image.fromarray(each) for each in pixels.numpy()]


def _with_constant(latents: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) → (n, h, w, c + 1)."""
    rows = latents.permute(0, 2, 3, 1)
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


def _swatches(size: int) -> torch.Tensor:
    """Pictures of 4 × 4 patches of colour, half of them flat and half sloping, float32 (n, 3, size, size), 0 … 1."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid(_COLOURS, _COLOURS, _COLOURS), -1).reshape(-1, 3)
    patches = corners[rng.integers(len(corners), size=(_SWATCHES, 4, 4))] * rng.uniform(0.6, 1, (_SWATCHES, 4, 4, 1))
    grid = torch.from_numpy(patches).float().permute(0, 3, 1, 2)
    flat = torch.nn.functional.interpolate(grid[::2], size=(size, size), mode="nearest")
    sloping = torch.nn.functional.interpolate(grid[1::2], size=(size, size), mode="bilinear")
    return torch.cat([flat, sloping])
