"""The zoo's autoencoder, a small `diffusers.AutoencoderKL` that reduces an image eightfold, and its training loss."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import nn

from ..engine.device import autocast, channels_last, device_of


@dataclass(frozen=True)
class VaeSpec:
    """Sizes: channels from the full resolution down, each level but the last halving the side."""

    image_size: int
    channels: tuple[int, ...]
    latent_channels: int
    norm_groups: int


def build_vae(spec: VaeSpec) -> AutoencoderKL:
    """An AutoencoderKL with random weights. It has no attention, so that it treats crops and whole images alike."""
    levels = len(spec.channels)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=spec.channels,
        layers_per_block=1,
        latent_channels=spec.latent_channels,
        norm_num_groups=spec.norm_groups,
        sample_size=spec.image_size,
        mid_block_add_attention=False,
        force_upcast=False,
    )
    return channels_last(vae)


def signed(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 3, height, width) → float32 from −1 to 1, as a VAE reads them."""
    return channels_last(pixels.float() / 127.5 - 1)


def gradient_loss(a: torch.Tensor, b: torch.Tensor, scales: int = 3) -> torch.Tensor:
    """Mean L1 between horizontal and vertical differences of (n, c, height, width) images, over `scales` halvings.

    L1 alone leaves edges blurred; this term sharpens them without a perceptual network.
    """
    residual = a - b
    total = residual.new_zeros(())
    for scale in range(scales):
        if scale:
            residual = F.avg_pool2d(residual, 2)
        total = total + residual.diff(dim=-1).abs().mean() + residual.diff(dim=-2).abs().mean()
    return total / (2 * scales)


@torch.no_grad()
def encode(vae: AutoencoderKL, pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 3, height, width) → float32 (n, c, height / 8, width / 8): the means, scaled as a UNet sees them.

    The result is on the VAE's device.
    """
    device = device_of(vae)
    with autocast(device):
        means = vae.encode(signed(pixels.to(device))).latent_dist.mode()
    return means.float() * vae.config.scaling_factor


@torch.no_grad()
def reconstruct(vae: AutoencoderKL, pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 3, height, width) → the same on the VAE's device, through the means of the latents and back."""
    device = device_of(vae)
    with autocast(device):
        decoded = vae.decode(vae.encode(signed(pixels.to(device))).latent_dist.mode()).sample
    return ((decoded.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def save_vae(folder: Path, vae: AutoencoderKL, scaling_factor: float) -> None:
    """Writes the VAE in half precision with its scaling factor, in files under 9 MB."""
    half = nn.Module.to(deepcopy(vae), torch.float16)  # diffusers' own method warns of modules that are not there
    half.register_to_config(scaling_factor=scaling_factor)
    half.save_pretrained(folder, max_shard_size="8MB")


def load_vae(folder: Path) -> AutoencoderKL:
    """A saved VAE in single precision, to use and not to train. Raises OSError when `folder` holds none."""
    vae = AutoencoderKL.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return channels_last(vae.eval().requires_grad_(False))
