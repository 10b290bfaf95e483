"""Measures side-by-side Stable Diffusion at the shapes of SD 1.4 against two pipelines that run one after the other.

Part of `benchmarks.gpu`. Weights are random, as they change neither time nor memory.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from benchmarks.processes import seconds
from safeclip.encoders.processors import openai_tokenizer
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.generation.prompts import PromptEmbeds

GUIDANCE = 7.5
PROMPT = "a clown with a knife at school"


@dataclass(frozen=True)
class Shapes:
    """Sizes of a pipeline; the defaults are those of SD 1.4 at 512 px."""

    unet: tuple[int, ...] = (320, 640, 1280, 1280)
    vae: tuple[int, ...] = (128, 256, 512, 512)
    norm_groups: int = 32
    latent: int = 64
    width: int = 768  # of the text encoder
    layers: int = 12


def make_text_encoder(shapes: Shapes, seed: int) -> CLIPTextModel:
    """Makes a random text encoder for 77 tokens of OpenAI's tokenizer."""
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        hidden_size=shapes.width,
        intermediate_size=4 * shapes.width,
        num_hidden_layers=shapes.layers,
        num_attention_heads=max(1, shapes.width // 64),
    )
    return CLIPTextModel(config).eval()


def make_pipeline(shapes: Shapes, text_encoder: CLIPTextModel) -> StableDiffusionPipeline:
    """Makes a random pipeline in SD 1.4's layout."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=shapes.latent,
        block_out_channels=shapes.unet,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=shapes.width,
        attention_head_dim=8,
        norm_num_groups=shapes.norm_groups,
    )
    levels = len(shapes.vae)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=shapes.vae,
        layers_per_block=2,
        norm_num_groups=shapes.norm_groups,
        sample_size=shapes.latent * 2 ** (levels - 1),
    )
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=openai_tokenizer()[0],
        unet=unet,
        scheduler=PNDMScheduler(**schedule, skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def compare_painting(device: str, dtype: torch.dtype, shapes: Shapes, steps: int, repeats: int = 3) -> dict[str, Any]:
    """Median seconds and peak bytes of two seats, either way, and their ratios; 0 bytes on a CPU."""
    ours = side_by_side(device, dtype, shapes, steps, repeats)
    gc.collect()  # what is left of one way must not count for the other
    theirs = two_pipelines(device, dtype, shapes, steps, repeats)
    return {
        "steps": steps,
        "dtype": str(dtype).removeprefix("torch."),
        "side_by_side_s": ours[0],
        "two_pipelines_s": theirs[0],
        "time_ratio": ours[0] / theirs[0],
        "side_by_side_bytes": ours[1],
        "two_pipelines_bytes": theirs[1],
        "memory_ratio": ours[1] / theirs[1] if theirs[1] else 0.0,
    }


def side_by_side(device: str, dtype: torch.dtype, shapes: Shapes, steps: int, repeats: int) -> tuple[float, int]:
    """Median seconds and, on a GPU, peak bytes of two seats in one batch of one pipeline."""
    pipeline = StableDiffusionSwap(make_pipeline(shapes, make_text_encoder(shapes, 0)).to(device, dtype))
    safe = make_text_encoder(shapes, 1).to(device, dtype)
    prompts = pipeline.prompts([PROMPT])

    def generate() -> None:
        embeds = PromptEmbeds.joined([prompts.embeds(encoder) for encoder in (None, safe)])
        pipeline.decode(pipeline.denoise(embeds, [0, 0], steps=steps, guidance=GUIDANCE))

    return _measured(generate, repeats, on_gpu=torch.device(device).type == "cuda")


def two_pipelines(device: str, dtype: torch.dtype, shapes: Shapes, steps: int, repeats: int) -> tuple[float, int]:
    """Median seconds and peak bytes of two pipelines with weights of their own, one after the other."""
    encoders = [make_text_encoder(shapes, seed) for seed in range(2)]
    pipelines = [make_pipeline(shapes, encoder).to(device, dtype) for encoder in encoders]

    def generate() -> None:
        for pipeline in pipelines:
            generator = torch.Generator().manual_seed(0)
            pipeline(PROMPT, num_inference_steps=steps, guidance_scale=GUIDANCE, generator=generator)

    return _measured(generate, repeats, on_gpu=torch.device(device).type == "cuda")


def _measured(generate: Callable[[], None], repeats: int, *, on_gpu: bool) -> tuple[float, int]:
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    taken = seconds(generate, repeats)  # it ends with images in the computer's memory: the GPU has finished by then
    return taken, torch.cuda.max_memory_allocated() if on_gpu else 0


def report(figures: dict[str, Any]) -> str:
    """The figures of `compare_painting` as lines to read."""
    return "\n".join(
        [
            f"two seats of SD 1.4 at 512 px in {figures['dtype']}, {figures['steps']} steps",
            f"  side by side {figures['side_by_side_s']:6.2f} s   two pipelines {figures['two_pipelines_s']:6.2f} s   "
            f"ratio {figures['time_ratio']:.2f}",
            f"  peak memory  {figures['side_by_side_bytes'] / 1e9:6.2f} GB  two pipelines "
            f"{figures['two_pipelines_bytes'] / 1e9:6.2f} GB  ratio {figures['memory_ratio']:.2f}",
        ]
    )
