"""What tests of side-by-side generation share: a plain pipeline of diffusers, and when two pictures are the same."""

import dataclasses

import numpy as np
import torch
from PIL import Image

import safeclip

PROMPT = "a chef holding a knife in the kitchen"
# Of 255: float32 sums of another order, through a few steps of a random network.
TOLERANCE = 2


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def assert_same(a: Image.Image, b: Image.Image) -> None:
    assert np.abs(pixels(a) - pixels(b)).max() <= TOLERANCE


def differs(a: Image.Image, b: Image.Image) -> bool:
    return np.abs(pixels(a) - pixels(b)).max() > TOLERANCE


def plain(folder, encoder=None, prompt=PROMPT, seed=7, steps=4, guidance=3.0, negative=""):
    """What diffusers paints without any code of ours, `encoder` in the place of the text encoder."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    if encoder is not None:
        pipeline.text_encoder = encoder
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt,
        negative_prompt=negative,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(seed),
    ).images[0]


def with_spec(lab, **changes):
    spec = dataclasses.replace(lab.profile.generation, **changes)
    return safeclip.open(dataclasses.replace(lab.profile, generation=spec))
