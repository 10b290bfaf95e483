"""SDXL and Stable Diffusion 3 with a seat's text encoder in the place of the first: every part of its kind, tiny."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

import safeclip
from safeclip.generation.families import FAMILIES
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.profiles import PIPELINES, Seat, load_profile
from tests.fakes.side_by_side import PROMPT
from tests.safeclip.published import plain
from tests.safeclip.published.test_published import ORIGINAL, SAFE

SDXL, SD3 = "stabilityai/stable-diffusion-xl-base-1.0", "stabilityai/stable-diffusion-3-medium-diffusers"
PUBLISHED = [("vit-l-14-sdxl", SDXL), ("vit-l-14-sd3", SD3)]
FIRST, SECOND, THIRD = 32, 24, 64  # widths of the text encoders, of which a seat replaces the first
SIDE = 32  # px


def vae(channels: int, **config) -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16,) * 3,
        norm_num_groups=8,
        latent_channels=channels,
        sample_size=SIDE,
        **config,
    )


def second_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """A stand-in of OpenCLIP bigG/14's text tower."""
    size = {"hidden_size": SECOND, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    words = {"vocab_size": len(tokenizer), "max_position_embeddings": tokenizer.model_max_length}
    return CLIPTextModelWithProjection(CLIPTextConfig(**size, **words, projection_dim=SECOND))


def write_sdxl(folder, clip) -> None:
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(clip)
    unet = UNet2DConditionModel(
        sample_size=SIDE // 4,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        attention_head_dim=(2, 4),
        layers_per_block=1,
        use_linear_projection=True,
        cross_attention_dim=FIRST + SECOND,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + SECOND,
    )
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    StableDiffusionXLPipeline(
        vae=vae(4, scaling_factor=0.13025),
        text_encoder=CLIPTextModel.from_pretrained(clip, dtype=torch.float32),
        text_encoder_2=second_encoder(tokenizer),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=EulerDiscreteScheduler(**schedule, steps_offset=1, timestep_spacing="leading"),
        add_watermarker=False,
    ).save_pretrained(folder)


def write_sd3(folder, clip) -> None:
    """With the identity as the first encoder's projection, as published."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(clip)
    tower = CLIPModel.from_pretrained(clip, dtype=torch.float32).text_model
    first = CLIPTextModelWithProjection(CLIPTextConfig(**tower.config.to_dict() | {"projection_dim": FIRST}))
    first.text_model = tower
    torch.nn.init.eye_(first.text_projection.weight)
    transformer = SD3Transformer2DModel(
        sample_size=SIDE // 4,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=THIRD,
        caption_projection_dim=32,
        pooled_projection_dim=FIRST + SECOND,
        pos_embed_max_size=SIDE // 4,
    )
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((letter, -2.0) for letter in "▁abcdefghiklmnopt")]
    StableDiffusion3Pipeline(
        vae=vae(16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=first,
        text_encoder_2=second_encoder(tokenizer),
        text_encoder_3=T5EncoderModel(T5Config(d_model=THIRD, d_kv=8, d_ff=64, num_layers=1, num_heads=4)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        tokenizer_3=T5TokenizerFast(vocab=words, unk_id=2, extra_ids=0),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def hub(tmp_path_factory, make):
    root = tmp_path_factory.mktemp("hub")
    original = make.clip(root / ORIGINAL, seed=0)
    make.clip(root / SAFE, seed=1)
    write_sdxl(root / SDXL, original)
    write_sd3(root / SD3, original)
    return root


def test_every_family_that_a_profile_may_name_is_known():
    assert tuple(FAMILIES) == PIPELINES


@pytest.mark.parametrize(("name", "checkpoint"), PUBLISHED)
def test_both_seats_paint_the_image_of_a_pipeline_of_their_own(hub, monkeypatch, name, checkpoint):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    generation = safeclip.open(name, device="cpu").generation
    states = list(generation.stream(PROMPT, seed=3, steps=4, guidance=5.0))
    found = states[-1]
    assert any(note.startswith("The swap is partial") for note in found.notes)
    alone = generation.compare(PROMPT, seats=["original"], steps=1, judge=False)
    assert not any("partial" in note for note in alone.notes), "no seat is put in its place"
    pipeline = plain.pipeline(hub / checkpoint)
    for key, clip in (("original", None), ("safe", hub / SAFE)):
        plain.put_into(pipeline, clip)
        options = {"num_inference_steps": 4, "guidance_scale": 5.0, "generator": torch.Generator().manual_seed(3)}
        painted = pipeline(PROMPT, **options).images[0]
        off = np.abs(np.asarray(found[key].pictures[0]).astype(int) - np.asarray(painted).astype(int))
        assert off.max() <= 2, key
    assert found["original"].pictures[0].tobytes() != found["safe"].pictures[0].tobytes()
    looks = [np.asarray(state["safe"].previews[0]).astype(float) for state in states if state["safe"].previews]
    assert np.abs(looks[-2] - looks[-1]).mean() < np.abs(looks[0] - looks[-1]).mean()


@pytest.mark.parametrize(
    ("family", "checkpoint", "left_out", "negative"),
    [
        ("sdxl", SDXL, (), ""),
        ("sdxl", SDXL, (), "a spoon"),
        ("sd3", SD3, (), "a spoon"),
        ("sd3-without-t5", SD3, ("text_encoder_3", "tokenizer_3"), ""),
    ],
)
def test_latents_are_those_of_a_pipeline_with_the_encoder_swapped(hub, family, checkpoint, left_out, negative):
    swap = StableDiffusionSwap.from_pretrained(hub / checkpoint, family=family, device="cpu")
    tower = CLIPModel.from_pretrained(hub / SAFE, dtype=torch.float32).text_model.eval()
    prompts, seeds = [PROMPT, "a dog, " + "very " * 100], [4, 5]
    embeds = swap.prompts(prompts, negative).embeds(tower)
    together = swap.denoise(embeds, seeds, steps=2, guidance=5.0)
    pipeline = plain.pipeline(hub / checkpoint, hub / SAFE, **dict.fromkeys(left_out))
    options = {"guidance_scale": 5.0} | ({"negative_prompt": negative} if negative else {})
    for prompt, seed, ours in zip(prompts, seeds, together.split(1), strict=True):
        theirs = plain.latents(pipeline, prompt, seed=seed, steps=2, **options)
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()  # of Euler's method, they are not about 1


def test_a_seat_of_another_width_says_so_and_leaves_the_other_standing(hub, make, monkeypatch, tmp_path):
    monkeypatch.setenv("SAFECLIP_ROOT", str(hub))
    folder = make.clip(tmp_path / "wide", seed=4)
    wide = CLIPModel.from_pretrained(folder).config
    wide.text_config.hidden_size = 64
    CLIPModel(wide).save_pretrained(folder)
    profile = load_profile("vit-l-14-sdxl")
    lab = safeclip.open(replace(profile, seats=(profile.seats[0], Seat("wide", "Wide", str(folder)))), device="cpu")
    found = lab.generation.compare(PROMPT, steps=1, judge=False)
    assert found["wide"].error == (
        "Its text tower does not fit this Stable Diffusion XL: hidden size 64 instead of 32. Seat an encoder of the "
        "same architecture."
    )
    assert found["original"].pictures
