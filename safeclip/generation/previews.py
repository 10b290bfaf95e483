"""Previews of unfinished images: estimates the finished latents, and maps their channels to colours linearly."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

_SWATCHES = 16
_COLOURS = (0.0, 0.5, 1.0)
_EULER = ("EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler")


class Previews:
    """The linear map of one autoencoder: `weights` (channels + 1, 3) float32, the last row a constant term."""

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights

    @classmethod
    @torch.inference_mode()
    def fit(cls, vae: "AutoencoderKL", device: torch.device, size: int = 128) -> Self:
        """Fits the map by least squares to encoded patches of the colour cube's corners and their mixtures.

        The patches are images of `size` × `size` px, encoded on `device`. Raises torch's RuntimeError when memory runs
        out.
        """
        pixels = _swatches(size).to(device, vae.dtype)
        latents = vae.encode(pixels * 2 - 1).latent_dist.mode().float().cpu()
        latents = (latents - (vae.config.get("shift_factor") or 0.0)) * vae.config.scaling_factor
        colours = torch.nn.functional.adaptive_avg_pool2d(pixels.float().cpu(), latents.shape[-2:])
        found = torch.linalg.lstsq(_with_constant(latents).flatten(0, 2), colours.permute(0, 2, 3, 1).flatten(0, 2))
        return cls(found.solution)

    def draw(self, latents: torch.Tensor) -> list[Image.Image]:
        """Draws latents (n, c, h, w) as n RGB images of w × h px."""
        colours = _with_constant(latents.detach().float().cpu()) @ self.weights
        pixels = (colours.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
        return [Image.fromarray(each) for each in pixels.numpy()]


def _with_constant(latents: torch.Tensor) -> torch.Tensor:
    """Moves channels last and appends a constant one: (n, c, h, w) → (n, h, w, c + 1)."""
    rows = latents.permute(0, 2, 3, 1)
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


def _swatches(size: int) -> torch.Tensor:
    """Images of 4 × 4 colour patches, half of them flat, half interpolated: (n, 3, size, size) float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid(_COLOURS, _COLOURS, _COLOURS), -1).reshape(-1, 3)
    patches = corners[rng.integers(len(corners), size=(_SWATCHES, 4, 4))] * rng.uniform(0.6, 1, (_SWATCHES, 4, 4, 1))
    grid = torch.from_numpy(patches).float().permute(0, 3, 1, 2)
    flat = torch.nn.functional.interpolate(grid[::2], size=(size, size), mode="nearest")
    sloping = torch.nn.functional.interpolate(grid[1::2], size=(size, size), mode="bilinear")
    return torch.cat([flat, sloping])


def estimate(scheduler: Any, step: int, before: list[torch.Tensor], after: torch.Tensor) -> torch.Tensor:
    """Estimates the finished latents x₀ from two successive ones; `before` holds the earlier ones, or nothing.

    With DDIM and PNDM both are sqrt(ᾱ) · x₀ + sqrt(1 − ᾱ) · ε, with Euler's methods, flow matching among them, they
    lie on a line in σ that meets x₀ at σ = 0: two equations, solved for x₀. Other schedulers' are returned noisy.
    """
    if not before or step + 1 >= len(scheduler.timesteps):
        return after
    if type(scheduler).__name__ in _EULER:
        here, there = (scheduler.sigmas[i].to(after) for i in (step, step + 1))
        return after - there * (before[0] - after) / (here - there)
    signal = getattr(scheduler, "alphas_cumprod", None)
    if signal is None or hasattr(scheduler, "sigmas"):
        return after
    here, there = (signal[int(scheduler.timesteps[i])].to(after) for i in (step, step + 1))
    weight = (there * (1 - here)).sqrt() - (here * (1 - there)).sqrt()
    if weight <= 0:
        return after
    return ((1 - here).sqrt() * after - (1 - there).sqrt() * before[0]) / weight
