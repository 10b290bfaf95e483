"""Measures generation's speed and memory beside two complete pipelines that run one after the other.

    python -m benchmarks.generation [--profile emoji] [--prompts 5] [--steps 20]

The baseline is the straightforward way: a StableDiffusionPipeline for every seat, each with a UNet and an
autoencoder of its own, run in turn from the same seed.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import safeclip
from benchmarks import processes
from benchmarks.processes import LIBRARIES, Race, device_and_dtype, peak_bytes
from benchmarks.retrieval import median_seconds
from safeclip.paths import resolve

SEATS = 2
_TOLERANCE = 8  # of 255, in 16 × 16 averages: half precision sums in another order in a batch


def agree(ours: list, theirs: list) -> bool:
    """Whether both ways generated the same images, compared by coarse copies (n, seats, 16, 16, 3) of 0 to 255."""
    return bool(np.abs(np.subtract(ours, theirs)).max() <= _TOLERANCE)


RACE = Race(
    "benchmarks.generation",
    f"generation, {SEATS} seats",
    "side_by_side",
    "two_pipelines",
    agree,
    options={"prompts": (5, "captions of the gallery"), "steps": (20, "of denoising")},
    task="generation",
    rounds=3,
)


class CompletePipeline:
    """A whole Stable Diffusion for one seat, through diffusers alone."""

    def __init__(self, checkpoint: Path, text_encoder: Any | None) -> None:
        from diffusers import StableDiffusionPipeline

        device, dtype = device_and_dtype()
        swapped = {} if text_encoder is None else {"text_encoder": text_encoder}
        pipeline = StableDiffusionPipeline.from_pretrained(
            checkpoint, dtype=dtype, safety_checker=None, requires_safety_checker=False, **swapped
        )
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline = pipeline.to(device, dtype)

    def generate(self, prompt: str, steps: int, guidance: float) -> Image.Image:
        generator = torch.Generator().manual_seed(0)
        options = {"num_inference_steps": steps, "guidance_scale": guidance, "generator": generator}
        return self._pipeline(prompt, **options).images[0]


def run_way(way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measures one way in this process: median seconds per prompt, peak bytes, and coarse copies of the images."""
    lab = safeclip.open(options.profile)
    if way == LIBRARIES:
        import peft  # noqa: F401
        from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel  # noqa: F401
        from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer  # noqa: F401

        from safeclip.generation import compare as generation  # noqa: F401

        return {"peak_bytes": peak_bytes()}
    generation = lab.generation
    seats = list(generation.seats)[:SEATS]
    prompts = [item.caption for item in lab.gallery.items[: options.prompts]]
    guidance = generation.spec.guidance
    if way == RACE.ours:

        def generate(prompt: str) -> dict[str, Image.Image]:
            # without the judges, which the baseline does not have either
            found = generation.generate_batch([prompt], seeds=[0], seats=seats, steps=options.steps)
            return {key: images[0] for key, images in found.items()}
    else:
        checkpoint = resolve(generation.spec.checkpoint)
        towers = {key: None if key == generation.reference else generation.encoders[key].model for key in seats}
        pipelines = {
            key: CompletePipeline(checkpoint, None if model is None else model.text_model)
            for key, model in towers.items()
        }

        def generate(prompt: str) -> dict[str, Image.Image]:
            return {key: each.generate(prompt, options.steps, guidance) for key, each in pipelines.items()}

    images = [generate(prompt) for prompt in prompts]
    coarse = [[np.asarray(each.resize((16, 16))).astype(int).tolist() for each in row.values()] for row in images]
    return {"seconds": median_seconds(generate, prompts), "peak_bytes": peak_bytes(), "answers": coarse}


if __name__ == "__main__":
    processes.main(RACE, run_way, __doc__)
