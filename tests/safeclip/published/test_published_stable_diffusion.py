"""The published profile's painter on a pipeline in the layout of SD 1.4: every part of its kind, with few channels."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPImageProcessor, CLIPTextModel

import safeclip
from safeclip.encoders.processors import openai_tokenizer
from tests.safeclip.published import plain
from tests.safeclip.published.test_published import ORIGINAL, SAFE, TINY, write_clip

STABLE_DIFFUSION = "CompVis/stable-diffusion-v1-4"
PROMPTS = ["a photo of a cat", "a chef holding a knife in the kitchen, " + "very " * 100]


@dataclass(frozen=True)
class Size:
    """Channels of UNet and autoencoder, width of a prompt's embeddings, and side of an image in px."""

    unet: tuple[int, ...]
    vae: tuple[int, ...]
    prompt: int
    side: int


SD_TINY = Size((32, 32, 64, 64), (32,) * 4, TINY["text"]["hidden_size"], 64)
SD_1_4 = Size((320, 640, 1280, 1280), (128, 256, 512, 512), 768, 512)


def write_stable_diffusion(folder, clip, size=SD_TINY) -> None:
    """SD 1.4's model_index.json, scheduler, blocks and names of files."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=size.side // 8,
        block_out_channels=size.unet,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        layers_per_block=2,
        cross_attention_dim=size.prompt,
        attention_head_dim=8,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=size.vae,
        layers_per_block=2,
        sample_size=size.side,
    )
    scheduler = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        set_alpha_to_one=False,
        skip_prk_steps=True,
        steps_offset=1,
    )
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel.from_pretrained(clip, dtype=torch.float32),
        tokenizer=openai_tokenizer()[0],
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=CLIPImageProcessor(),
        requires_safety_checker=False,
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    original = write_clip(root / ORIGINAL, TINY, 0, processor=True)
    write_clip(root / SAFE, TINY, 1, processor=False)
    write_stable_diffusion(root / STABLE_DIFFUSION, original)
    return root


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_profile_swaps_the_text_encoder_as_the_paper_does(hub, monkeypatch, prompt):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    generation = safeclip.open("vit-l-14", device="cpu").generation
    states = list(generation.stream(prompt, seed=3, steps=6))
    found = states[-1]
    assert [state.step for state in states] == [0, 1, 2, 3, 4, 5, 6, 6, 6]  # PNDM takes one more
    assert found["safe"].scores[0][0].judge and found["safe"].flagged(0) is not None

    for key, clip in (("original", None), ("safe", hub / SAFE)):
        painted = plain.paint(plain.pipeline(hub / STABLE_DIFFUSION, clip), prompt, seed=3, steps=6)
        off = np.abs(np.asarray(found[key].pictures[0]).astype(int) - np.asarray(painted).astype(int))
        assert off.max() <= 2, key
    assert found["original"].pictures[0].tobytes() != found["safe"].pictures[0].tobytes()


def test_its_previews_are_small_and_close_in_on_the_image(hub, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    generation = safeclip.open("vit-l-14", device="cpu").generation
    seen = generation.stream("a cat", seats=["original"], steps=8)
    states = [state for state in seen if state.step and not state.done]
    assert {preview.size for state in states for preview in state["original"].previews} == {(8, 8)}
    looks = [np.asarray(state["original"].previews[0]).astype(float) for state in states]
    last = looks[-1]
    distances = [np.abs(look - last).mean() for look in looks]
    assert distances[-2] < distances[0]
