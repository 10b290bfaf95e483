"""A frozen UNet that reads text states: how far two prompts lead it apart in the painting of one picture."""

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from safeclip.errors import CheckpointError
from safeclip.hashing import content_id, file_sha256
from safeclip.paths import resolve

from ..engine.device import channels_last
from .unet import spread_times
from .vae import encode, load_vae


class FrozenUNet:
    """UNet, autoencoder and noise schedule of a Stable Diffusion. Raises CheckpointError when there is none."""

    def __init__(self, name: str, device: torch.device):
        folder = resolve(name)
        try:
            self._unet = UNet2DConditionModel.from_pretrained(
                folder / "unet", torch_dtype=torch.float32, local_files_only=True
            ).to(device)
            self._scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
            self._vae: AutoencoderKL = load_vae(folder / "vae").to(device)
        except OSError as error:
            raise CheckpointError(
                f"{name}: there is no Stable Diffusion here. Correct its path in the recipe."
            ) from error
        self._unet = channels_last(self._unet.eval().requires_grad_(False))
        self._unet.set_attn_processor(AttnProcessor())  # faster backwards on a CPU
        self.fingerprint = content_id("".join(map(file_sha256, sorted((folder / "unet").glob("*.safetensors")))))

    @torch.no_grad()
    def latents(self, pictures: torch.Tensor) -> torch.Tensor:
        """uint8 (n, 3, side, side) → latents float32 (n, c, side / 8, side / 8), scaled as the UNet sees them."""
        return encode(self._vae, pictures)

    def distances(self, latents: torch.Tensor, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean squared differences (n,) of what it predicts for noisy latents under two conditions.

        states and targets (n, length, width); the gradient is that of `states` alone. Noise and timesteps are drawn
        from torch's default generator, the timesteps evenly over the schedule.
        """
        total = self._scheduler.config.num_train_timesteps
        times = spread_times(len(latents), total, torch.rand(len(latents), device=latents.device))
        noisy = channels_last(self._scheduler.add_noise(latents, torch.randn_like(latents), times))
        with torch.no_grad():
            wanted = self._unet(noisy, times, targets).sample.float()
        found = self._unet(noisy, times, states).sample.float()
        return (found - wanted).square().mean(dim=(1, 2, 3))
