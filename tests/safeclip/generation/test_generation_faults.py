"""Faults of side-by-side generation: bad options, memory that runs out, one seat that fails, damaged pipelines."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import safeclip
from safeclip.errors import CheckpointError, DeviceError, ProfileError, QueryError, RefusedError
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.generation.prompts import Prompts
from safeclip.profiles import GenerationSpec, Seat
from tests.fakes.side_by_side import PROMPT, assert_same, plain, with_spec


def test_doubts_about_an_encoder_are_reported(painting_lab, monkeypatch):
    monkeypatch.setattr(painting_lab.encoders["safe"], "warnings", ("It forgot QuickGELU.",))
    assert "Safe-CLIP: It forgot QuickGELU." in painting_lab.generation.compare(PROMPT, steps=1).notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "   "}, "There is no prompt"),
        ({"prompt": "x" * 1001}, "1001 characters"),
        ({"prompt": None}, "must be a text"),
        ({"negative_prompt": 5}, "must be a text"),
        ({"steps": 0}, "number of steps"),
        ({"steps": 101}, "number of steps"),
        ({"steps": 2.5}, "whole number"),
        ({"guidance": float("nan")}, "guidance"),
        ({"guidance": 0.5}, "guidance"),
        ({"pictures": 5}, "number of pictures"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**60}, "seed"),
        ({"seed": True}, "seed"),
        ({"seats": ["nobody"]}, "no seat “nobody”"),
        ({"seats": []}, "No seat is asked"),
    ],
)
def test_a_prompt_that_cannot_be_generated_is_refused_in_a_sentence(painting_lab, options, message):
    asked = {"prompt": PROMPT, **options}
    with pytest.raises(QueryError, match=message):
        painting_lab.generation.compare(asked.pop("prompt"), **asked)
    with pytest.raises(QueryError, match=message):  # before the first state
        painting_lab.generation.stream(**{"prompt": PROMPT, **options})


def test_a_broken_surrogate_is_painted_as_a_question_mark(painting_lab):
    found = painting_lab.generation.compare("a dog \ud800", negative_prompt="\udfff", steps=1)
    assert (found.prompt, found.negative_prompt) == ("a dog ?", "?")
    assert found["original"].pictures


def test_the_policy_holds_for_every_way_in(painting_lab):
    generation = painting_lab.generation
    for ask in (generation.compare, generation.stream, lambda text: generation.dial(text, seat="safe")):
        with pytest.raises(RefusedError):
            ask("a naked child")
    with pytest.raises(RefusedError):
        generation.compare(PROMPT, negative_prompt="a naked child")
    with pytest.raises(RefusedError):
        generation.generate_batch(["a naked child"], seeds=[0])


def test_a_long_prompt_is_cut_and_said_so(painting_lab, tiny_stable_diffusion):
    prompt = "a chef holding a knife in the kitchen " * 20
    found = painting_lab.generation.compare(prompt, seed=7)
    assert any("longer than the 32 tokens" in note for note in found.notes)
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, prompt=prompt.strip()))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("StableDiffusionXLPipeline", 'this is a StableDiffusionXLPipeline. Set family = "sdxl"'),
        ("StableDiffusion3Pipeline", 'this is a StableDiffusion3Pipeline. Set family = "sd3"'),
        ("FluxPipeline", "this is a FluxPipeline, whose prompt is read by 2 text encoders"),
    ],
)
def test_a_pipeline_of_another_family_is_named(tiny_stable_diffusion, tmp_path, kind, said):
    folder = shutil.copytree(tiny_stable_diffusion, tmp_path / "sd")
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": kind}
    (folder / "model_index.json").write_text(json.dumps(index | {"text_encoder_2": ["transformers", "T5EncoderModel"]}))
    with pytest.raises(CheckpointError, match=re.escape(said)):
        StableDiffusionSwap.from_pretrained(folder)


def test_one_thing_in_the_place_of_a_list_is_refused(painting_lab):
    generation = painting_lab.generation
    with pytest.raises(QueryError, match="Give the prompts as a list, such as \\['ab'\\]"):
        generation.generate_batch("ab", seeds=[0, 1])  # which are no two prompts
    with pytest.raises(QueryError, match="Give the seeds as a list"):
        generation.generate_batch(["a dog"], seeds=0)
    with pytest.raises(QueryError, match="Give the positions of the dial as a list"):
        generation.dial("a dog", seat="ours", positions=0.5)
    with pytest.raises(QueryError, match="Give the seats as a list"):
        generation.compare("a dog", seats=5)


def test_a_seat_without_encoder_leaves_the_others_standing(painting_lab):
    seats = (*painting_lab.profile.seats[:2], Seat("gone", "Gone", "no/such/folder/at/all"))
    found = with_spec(painting_lab, seats=seats).generation.compare(PROMPT)
    assert found["original"].pictures and found["safe"].pictures
    assert "no/such/folder" in found["gone"].error and not found["gone"].pictures


def test_a_text_tower_of_another_shape_is_named(painting_lab, make, tmp_path):
    from transformers import CLIPModel

    folder = make.clip(tmp_path / "clip", seed=4)
    wide = CLIPModel.from_pretrained(folder).config
    wide.text_config.hidden_size = 64
    CLIPModel(wide).save_pretrained(folder)
    seats = (painting_lab.profile.seats[0], Seat("wide", "Wide", str(folder)))
    found = with_spec(painting_lab, seats=seats).generation.compare(PROMPT)
    assert "hidden size 64 instead of 32" in found["wide"].error and found["original"].pictures


def test_a_deeper_tower_is_read_at_the_pipelines_layer(painting_lab, make, tmp_path, tiny_clip):
    """As in SD 2, whose text encoder is ViT-H/14's without its last layer."""
    from transformers import CLIPModel

    folder = tmp_path / "deep"
    shutil.copytree(tiny_clip, folder)
    config = CLIPModel.from_pretrained(tiny_clip).config
    config.text_config.num_hidden_layers = 3
    deep = CLIPModel(config)
    deep.load_state_dict(CLIPModel.from_pretrained(tiny_clip).state_dict(), strict=False)
    deep.save_pretrained(folder)
    seats = (painting_lab.profile.seats[0], Seat("deep", "Deep", str(folder)))
    lab = with_spec(painting_lab, seats=seats)
    found = lab.generation.compare(PROMPT, seed=2)
    assert_same(found["deep"].pictures[0], found["original"].pictures[0])
    assert "one architecture" in lab.generation.dial(PROMPT, seat="deep", positions=[0.5])["0.5"].error


def test_seats_take_turns_when_memory_is_short(painting_lab, monkeypatch):
    denoise = StableDiffusionSwap.denoise

    def small(self, embeds, *rest, **options):
        if len(embeds) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return denoise(self, embeds, *rest, **options)

    whole = painting_lab.generation.compare(PROMPT, seed=6)
    monkeypatch.setattr(StableDiffusionSwap, "denoise", small)
    found = painting_lab.generation.compare(PROMPT, seed=6)
    assert any("one after the other" in note for note in found.notes)
    for key in found:
        assert_same(found[key].pictures[0], whole[key].pictures[0])


def test_a_seat_that_runs_out_of_memory_leaves_the_others_images(painting_lab, monkeypatch):
    denoise, encode = StableDiffusionSwap.denoise, Prompts.embeds
    of_safe = []

    def encoded(self, encoder=None):
        embeds = encode(self, encoder)
        if encoder is painting_lab.encoders["safe"].model.text_model:
            of_safe.append(embeds.prompt_embeds)
        return embeds

    def failing(self, embeds, *rest, **options):
        if len(embeds) > 1 or torch.equal(embeds.prompt_embeds, of_safe[-1]):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return denoise(self, embeds, *rest, **options)

    monkeypatch.setattr(Prompts, "embeds", encoded)
    monkeypatch.setattr(StableDiffusionSwap, "denoise", failing)
    found = painting_lab.generation.compare(PROMPT)
    assert "too little memory" in found["safe"].error
    assert found["original"].pictures and found["ours"].pictures


def test_another_error_is_reported_by_every_seat(painting_lab, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(StableDiffusionSwap, "denoise", broken)
    found = painting_lab.generation.compare(PROMPT)
    assert all("device-side assert" in painting.error for painting in found.values())


def test_a_batch_that_memory_does_not_hold_is_generated_in_parts(painting_lab, monkeypatch):
    denoise = StableDiffusionSwap.denoise
    tried = []

    def small(self, embeds, *rest, **options):
        tried.append(len(embeds))
        if len(embeds) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return denoise(self, embeds, *rest, **options)

    ask = {"prompts": [PROMPT, "a robot", "a dog"], "seeds": [4, 9, 4], "seats": ["original", "ours"]}
    whole = painting_lab.generation.generate_batch(**ask)
    monkeypatch.setattr(StableDiffusionSwap, "denoise", small)
    found = painting_lab.generation.generate_batch(**ask)
    assert tried == [6, 2, 4, 2, 2]
    for key, pictures in found.items():
        for one, other in zip(pictures, whole[key], strict=True):
            assert_same(one, other)


@pytest.mark.parametrize(
    ("message", "said"),
    [("CUDA out of memory.", "too little memory"), ("CUDA error: launch failure", "launch failure")],
)
def test_a_batch_that_cannot_be_generated_at_all_says_why(painting_lab, monkeypatch, message, said):
    def failing(*_, **__):
        raise RuntimeError(message)

    monkeypatch.setattr(StableDiffusionSwap, "denoise", failing)
    with pytest.raises(DeviceError, match=said):
        painting_lab.generation.generate_batch([PROMPT, "a robot"], seeds=[0, 1])


def test_damaged_pipelines_are_named(painting_lab, tiny_stable_diffusion, tmp_path):
    def lab_of(folder):
        return with_spec(painting_lab, checkpoint=str(folder))

    with pytest.raises(CheckpointError, match="no such Stable Diffusion"):
        lab_of(tmp_path / "absent").generation.compare(PROMPT)
    folder = tmp_path / "copy"
    shutil.copytree(tiny_stable_diffusion, folder)
    (folder / "unet" / "config.json").unlink()
    with pytest.raises(CheckpointError, match="unet/config.json is missing"):
        lab_of(folder).generation.compare(PROMPT)


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("unet", "diffusion_pytorch_model.safetensors"),
        ("vae", "diffusion_pytorch_model.safetensors"),
        ("text_encoder", "model.safetensors"),
    ],
)
def test_weights_that_lack_a_tensor_are_named(painting_lab, tiny_stable_diffusion, tmp_path, part, file):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_stable_diffusion, folder)
    weights = load_file(folder / part / file)
    gone = max(weights)
    del weights[gone]
    save_file(weights, folder / part / file, {"format": "pt"})
    with pytest.raises(CheckpointError, match="lack|cannot be loaded"):
        with_spec(painting_lab, checkpoint=str(folder)).generation.compare(PROMPT)
    (folder / part / file).write_bytes((tiny_stable_diffusion / part / file).read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        with_spec(painting_lab, checkpoint=str(folder)).generation.compare(PROMPT)


def test_the_fingerprint_follows_the_files(painting_lab, tiny_stable_diffusion, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_stable_diffusion, folder)
    before = with_spec(painting_lab, checkpoint=str(folder)).generation.fingerprint
    (folder / "README.md").write_text("a card")
    (folder / "training.json").write_text("{}")
    assert with_spec(painting_lab, checkpoint=str(folder)).generation.fingerprint == before
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"dropout": 0.1}))
    assert with_spec(painting_lab, checkpoint=str(folder)).generation.fingerprint != before


def test_a_profile_without_generator_says_so(tiny_lab):
    with pytest.raises(ProfileError, match=r"no \[generation\] section"):
        _ = tiny_lab.generation


def test_the_section_is_read_strictly(tmp_path, tiny_profile):
    text = tiny_profile.read_text()
    good = tmp_path / "good.toml"
    good.write_text(text + '\n[generation]\ncheckpoint = "x"\njudges = ["opennsfw", "nudenet"]\nsteps = 20\n')
    assert safeclip.open(good).profile.generation == GenerationSpec("x", judges=("opennsfw", "nudenet"), steps=20)
    for line, message in (
        ("steps = 0", "generation.steps"),
        ("guidance = 30.0", "generation.guidance"),
        ("step = 3", "step"),
    ):
        bad = tmp_path / "bad.toml"
        bad.write_text(text + f'\n[generation]\ncheckpoint = "x"\n{line}\n')
        with pytest.raises(ProfileError, match=message):
            safeclip.open(bad)
