"""Side-by-side generation, against plain pipelines of diffusers."""

import dataclasses
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import safeclip
from safeclip import canvas
from safeclip.errors import CheckpointError, JudgeError, ProfileError, QueryError, RefusedError
from safeclip.generation import DIAL
from safeclip.judges import Score
from safeclip.painter import Painter
from safeclip.profiles import GenerationSpec, Seat

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


def test_every_seat_paints_what_a_pipeline_of_its_own_would(painting_lab, tiny_stable_diffusion):
    found = painting_lab.generation.compare(PROMPT, seed=7, negative_prompt="a spoon")
    assert list(found) == ["original", "safe", "ours"]
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, negative="a spoon"))
    for key in ("safe", "ours"):
        tower = painting_lab.encoders[key].model.text_model
        assert_same(found[key].pictures[0], plain(tiny_stable_diffusion, tower, negative="a spoon"))
        assert differs(found[key].pictures[0], found["original"].pictures[0])
    assert found.done and not found.stopped and (found.width, found.height) == (32, 32)


def test_a_picture_is_the_same_alone_and_in_a_batch(painting_lab):
    generation = painting_lab.generation
    many = generation.compare(PROMPT, seed=3, pictures=3)
    for i in range(3):
        alone = generation.compare(PROMPT, seed=3 + i, seats=["safe"])
        assert list(alone) == ["safe"]
        assert_same(alone["safe"].pictures[0], many["safe"].pictures[i])
    assert differs(many["safe"].pictures[0], many["safe"].pictures[1])


def test_guidance_one_and_a_single_step_are_the_plain_pipelines(painting_lab, tiny_stable_diffusion):
    found = painting_lab.generation.compare(PROMPT, seed=1, guidance=1, steps=1, seats=["original"])
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, seed=1, steps=1, guidance=1.0))


def test_a_stream_shows_each_step_and_ends_as_compare_does(painting_lab):
    states = list(painting_lab.generation.stream(PROMPT, seed=2, pictures=2))
    assert [state.step for state in states] == [0, 1, 2, 3, 4, 4]
    assert [state.done for state in states] == [False] * 5 + [True]
    for state in states[1:-1]:
        assert [image.size for image in state["safe"].previews] == [(8, 8), (8, 8)]
        assert not state["safe"].pictures
    whole = painting_lab.generation.compare(PROMPT, seed=2, pictures=2)
    for key in whole:
        for ours, theirs in zip(states[-1][key].pictures, whole[key].pictures, strict=True):
            assert_same(ours, theirs)


def test_stopping_leaves_the_previews(painting_lab):
    stop = threading.Event()
    seen = []
    for state in painting_lab.generation.stream(PROMPT, steps=50, stop=stop):
        seen.append(state)
        if state.step >= 2:
            stop.set()
    assert seen[-1].stopped and seen[-1].done and seen[-1].step < 50
    assert seen[-1]["original"].previews and not seen[-1]["original"].pictures
    assert painting_lab.generation.compare(PROMPT)["original"].pictures  # and the next one is painted


def test_closing_a_stream_frees_the_painter(painting_lab):
    states = painting_lab.generation.stream(PROMPT, steps=100)
    next(states)
    states.close()
    assert painting_lab.generation.compare(PROMPT, steps=1)["safe"].pictures


def test_the_dial_runs_from_the_original_to_the_safe_encoder(painting_lab):
    generation = painting_lab.generation
    strip = generation.dial(PROMPT, seat="safe", seed=5)
    assert list(strip) == [f"{t:g}" for t in DIAL]
    sides = generation.compare(PROMPT, seed=5)
    assert_same(strip["0"].pictures[0], sides["original"].pictures[0])
    assert_same(strip["1"].pictures[0], sides["safe"].pictures[0])
    assert differs(strip["0.5"].pictures[0], strip["0"].pictures[0])
    *_, last = generation.dial_stream(PROMPT, seat="safe", seed=5, positions=[0.5])
    assert_same(last["0.5"].pictures[0], strip["0.5"].pictures[0])


def test_a_blend_leaves_the_encoders_as_they_were(painting_lab):
    tower = painting_lab.encoders["safe"].model.text_model
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    painting_lab.generation.dial(PROMPT, seat="safe", positions=[0.3], steps=1)
    assert all(torch.equal(before[name], tensor) for name, tensor in tower.state_dict().items())


@pytest.mark.parametrize("positions", [[1.2], [-0.1], [float("nan")], []])
def test_the_dial_refuses_other_positions(painting_lab, positions):
    with pytest.raises(QueryError, match="dial"):
        painting_lab.generation.dial(PROMPT, seat="safe", positions=positions)


def test_the_dial_needs_another_seat(painting_lab):
    with pytest.raises(QueryError, match="from “original” to another seat"):
        painting_lab.generation.dial(PROMPT, seat="original")


def test_a_batch_of_prompts_equals_single_ones(painting_lab):
    prompts, seeds = [PROMPT, "a dog holding a kite in the garden", "a robot"], [4, 9, 4]
    found = painting_lab.generation.paint_batch(prompts, seeds=seeds, seats=["original", "ours"])
    for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        alone = painting_lab.generation.compare(prompt, seed=seed)
        for key in ("original", "ours"):
            assert_same(found[key][i], alone[key].pictures[0])
    with pytest.raises(QueryError, match="2 prompts and 1 seeds"):
        painting_lab.generation.paint_batch(["a", "b"], seeds=[1])


def test_pictures_are_judged(painting_lab):
    found = painting_lab.generation.compare(PROMPT, pictures=2)
    for painting in found.values():
        assert len(painting.scores) == 2
        assert painting.flagged(0) is painting.scores[0][0].harmful
    assert painting_lab.generation.judged(dataclasses.replace(found)).paintings["safe"].scores == found["safe"].scores
    told = json.loads(json.dumps(found.to_dict()))
    assert told["seats"]["safe"]["scores"][1][0]["harmful"] is found["safe"].scores[1][0].harmful


def test_a_judge_that_cannot_be_had_is_told_and_the_pictures_stand(painting_lab):
    found = with_spec(painting_lab, judges=("scene:no/such/judge",)).generation.compare(PROMPT)
    assert found["original"].pictures and found["original"].flagged(0) is None
    assert any("“scene:no/such/judge” is missing" in note for note in found.notes)
    assert "Nobody judged the pictures." in found.notes


class Stub:
    """A judge of one score, or one that fails."""

    name, version, threshold, covers = "stub", "1", 0.5, "anything"

    def __init__(self, value: float | None) -> None:
        self.value = value

    def score(self, images):
        if self.value is None:
            raise JudgeError("It broke.")
        return [Score(self.name, self.version, self.threshold, self.value) for _ in images]


@pytest.mark.parametrize(
    ("values", "flagged"), [((0.1, 0.2), False), ((0.1, None), None), ((0.9, None), True), ((None, None), None)]
)
def test_what_a_missing_judge_did_not_see_is_not_known_to_be_safe(painting_lab, monkeypatch, values, flagged):
    lab = with_spec(painting_lab, judges=("a", "b"))
    judges = dict(zip("ab", map(Stub, values), strict=True))
    monkeypatch.setattr("safeclip.generation.open_judge", lambda name, device: judges[name])
    found = lab.generation.compare(PROMPT, steps=1, pictures=2)
    assert [found["safe"].flagged(i) for i in range(2)] == [flagged, flagged]
    assert sum("is missing: It broke." in note for note in found.notes) == values.count(None)
    assert ("Nobody judged the pictures." in found.notes) is (values == (None, None))


def test_several_threads_paint_one_after_the_other(painting_lab):
    alone = {seed: painting_lab.generation.compare(PROMPT, seed=seed, judge=False) for seed in range(4)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: painting_lab.generation.compare(PROMPT, seed=seed, judge=False), range(4)))
    for seed, each in enumerate(found):
        assert each["safe"].pictures[0].tobytes() == alone[seed]["safe"].pictures[0].tobytes()
        assert each["safe"].scores == () and each["safe"].flagged(0) is None


def test_who_stopped_while_waiting_paints_nothing(painting_lab, monkeypatch):
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(Painter, "paint", None)
    (only,) = painting_lab.generation.stream(PROMPT, stop=stop)
    assert only.done and only.stopped and only.step == 0


def test_doubts_about_an_encoder_are_told(painting_lab, monkeypatch):
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
def test_what_cannot_be_painted_is_refused_in_a_sentence(painting_lab, options, message):
    asked = {"prompt": PROMPT, **options}
    with pytest.raises(QueryError, match=message):
        painting_lab.generation.compare(asked.pop("prompt"), **asked)
    with pytest.raises(QueryError, match=message):  # before the first state
        painting_lab.generation.stream(**{"prompt": PROMPT, **options})


def test_the_policy_holds_for_every_way_in(painting_lab):
    generation = painting_lab.generation
    for ask in (generation.compare, generation.stream, lambda text: generation.dial(text, seat="safe")):
        with pytest.raises(RefusedError):
            ask("a naked child")
    with pytest.raises(RefusedError):
        generation.compare(PROMPT, negative_prompt="a naked child")
    with pytest.raises(RefusedError):
        generation.paint_batch(["a naked child"], seeds=[0])


def test_a_long_prompt_is_cut_and_said_so(painting_lab, tiny_stable_diffusion):
    prompt = "a chef holding a knife in the kitchen " * 20
    found = painting_lab.generation.compare(prompt, seed=7)
    assert any("longer than the 32 tokens" in note for note in found.notes)
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, prompt=prompt.strip()))


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


def test_too_little_memory_for_all_is_enough_for_one_after_the_other(painting_lab, monkeypatch):
    paint = Painter.paint

    def small(self, states, *rest, **options):
        if len(states) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return paint(self, states, *rest, **options)

    whole = painting_lab.generation.compare(PROMPT, seed=6)
    monkeypatch.setattr(Painter, "paint", small)
    found = painting_lab.generation.compare(PROMPT, seed=6)
    assert any("one after the other" in note for note in found.notes)
    for key in found:
        assert_same(found[key].pictures[0], whole[key].pictures[0])


def test_a_side_that_runs_out_of_memory_leaves_the_others_pictures(painting_lab, monkeypatch):
    paint = canvas._paint

    def failing(painter, request, words, *rest):
        if "safe" in words:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return paint(painter, request, words, *rest)

    monkeypatch.setattr(canvas, "_paint", failing)
    found = painting_lab.generation.compare(PROMPT)
    assert "too little memory" in found["safe"].error
    assert found["original"].pictures and found["ours"].pictures


def test_another_fault_is_named_on_every_side(painting_lab, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Painter, "paint", broken)
    found = painting_lab.generation.compare(PROMPT)
    assert all("device-side assert" in painting.error for painting in found.values())


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
