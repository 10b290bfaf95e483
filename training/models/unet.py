"""The zoo's UNet: a small `diffusers.UNet2DConditionModel`, its scheduler, and the text encoder that conditions it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from ..engine.checkpoints import require_part
from ..engine.device import channels_last


@dataclass(frozen=True)
class UNetSpec:
    """Sizes: channels at the latents' resolution, then at half of it, where the text is attended to."""

    channels: tuple[int, int]
    heads: int
    norm_groups: int


def build_unet(spec: UNetSpec, latent_size: int, latent_channels: int, text_width: int) -> UNet2DConditionModel:
    """A UNet with random weights. Its attention is eager: on a CPU that is a fifth faster than SDPA."""
    unet = UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=spec.channels,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type=None,  # an emoji is two cells wide there: the parameters gain more elsewhere
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=text_width,
        attention_head_dim=spec.heads,  # diffusers' name for the number of heads
        norm_num_groups=spec.norm_groups,
        use_linear_projection=True,
    )
    unet.set_attn_processor(AttnProcessor())
    return channels_last(unet)


def load_unet(unet: UNet2DConditionModel, folder: Path) -> None:
    """Gives a UNet the weights of a saved one of the same sizes. Raises CheckpointError when there is none."""
    require_part(folder, "config.json", "UNet")
    saved = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    unet.load_state_dict(saved.state_dict())


def build_scheduler() -> DDIMScheduler:
    """DDIM over v-predictions, its noise schedule rescaled to end in noise alone (Lin et al., 2024)."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,  # what StableDiffusionPipeline expects; trailing timesteps make no use of it
    )


def load_text_encoder(checkpoint: Path) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """The text encoder of a CLIP directory, frozen, in single precision, and its tokenizer.

    Raises OSError when the directory holds no CLIP.
    """
    clip = CLIPModel.from_pretrained(checkpoint, dtype=torch.float32, local_files_only=True)
    tokenizer = CLIPTokenizer.from_pretrained(checkpoint, local_files_only=True)
    return clip.text_model.eval().requires_grad_(False), tokenizer


def tokenise(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """n texts → int64 (n, model_max_length), padded and cut as StableDiffusionPipeline does it."""
    return tokenizer(
        texts,
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids


@torch.no_grad()
def text_states(text_encoder: CLIPTextModel, ids: torch.Tensor) -> torch.Tensor:
    """int64 (n, length) → float (n, length, width): the hidden states that a UNet attends to, padding included.

    As in StableDiffusionPipeline there is no attention mask; the states are the last ones, normalised.
    """
    return text_encoder(ids)[0]
