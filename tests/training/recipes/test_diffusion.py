"""The UNet's losses, conditioning and files, against computations that share no code with them."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from safeclip.errors import CheckpointError, ProfileError
from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe
from training.data import latents
from training.data.emoji.paintings import Paintings
from training.data.latents import JoinedStores, LatentsSpec, open_store
from training.engine.job import train
from training.errors import DataError
from training.models.ema import Ema
from training.models.pipeline import assemble, save_pipeline
from training.models.unet import (
    UNetSpec,
    build_scheduler,
    build_unet,
    load_text_encoder,
    load_unet,
    text_states,
    tokenise,
)
from training.models.vae import VaeSpec, build_vae, encode, gradient_loss, load_vae, save_vae
from training.recipes.diffusion import DiffusionTraining, loss_weights, spread_times, v_errors
from training.recipes.registry import find_recipe, load_recipe

PROMPTS = ["a chef holding a knife in the kitchen", "", "a dog with a kite on the beach " * 9]


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vae") / "model"
    save_vae(folder, build_vae(VaeSpec(64, (8, 8, 8, 8), 4, 4)), scaling_factor=0.7)
    return folder


@pytest.fixture(scope="module")
def pipeline(tiny_clip, tiny_vae) -> StableDiffusionPipeline:
    text_encoder, tokenizer = load_text_encoder(tiny_clip)
    torch.manual_seed(1)
    unet = build_unet(UNetSpec((8, 16), 2, 4), 8, 4, text_encoder.config.hidden_size)
    return assemble(unet.eval(), load_vae(tiny_vae), text_encoder, tokenizer, build_scheduler())


def signal_by_hand() -> list[float]:
    """ᾱ of Stable Diffusion's schedule, rescaled as Lin et al. (2024), algorithm 1, in plain Python floats."""
    roots = [math.sqrt(0.00085) + i / 999 * (math.sqrt(0.012) - math.sqrt(0.00085)) for i in range(1000)]
    product, signal = 1.0, []
    for root in roots:
        product *= 1 - root**2
        signal.append(math.sqrt(product))
    first, last = signal[0], signal[-1]
    return [((each - last) * first / (first - last)) ** 2 for each in signal]


def test_the_schedule_ends_in_noise_alone():
    assert build_scheduler().alphas_cumprod.tolist() == pytest.approx(signal_by_hand(), abs=1e-5)
    assert build_scheduler().alphas_cumprod[-1] == 0


def test_velocity_errors_equal_a_computation_by_hand():
    generator = np.random.default_rng(0)
    latents, noise, answer = generator.standard_normal((3, 4, 2, 6, 6)).astype(np.float32)
    times = [0, 400, 730, 999]
    seen = []

    def unet(noisy, given_times, states):
        seen.append((noisy, given_times, states))
        return SimpleNamespace(sample=torch.from_numpy(answer))

    states = torch.ones(4, 3, 5)
    found = v_errors(
        unet,
        build_scheduler(),
        torch.from_numpy(latents),
        states,
        torch.from_numpy(noise),
        torch.tensor(times),
    )
    signal = signal_by_hand()
    for i, time in enumerate(times):
        a, s = math.sqrt(signal[time]), math.sqrt(1 - signal[time])
        expected = np.mean((answer[i] - (a * noise[i] - s * latents[i])) ** 2)
        assert found[i].item() == pytest.approx(expected, rel=1e-3)
        assert np.allclose(seen[0][0][i].numpy(), a * latents[i] + s * noise[i], atol=1e-3)
    assert seen[0][1].tolist() == times and seen[0][2] is states


@pytest.mark.parametrize("snr", [0.0, 0.01, 0.5, 1.0, 3.0, 5.0, 200.0])
def test_weights_are_min_snr_and_its_truncation(snr):
    given = torch.tensor([snr])
    assert loss_weights(given, 0.0, 5.0).item() == pytest.approx(min(snr, 5) / (snr + 1))
    assert loss_weights(given, 1.0, 5.0).item() == pytest.approx(min(max(snr, 1), 5) / (snr + 1))


def test_times_cover_every_stretch_of_the_schedule():
    times = spread_times(10, 1000, torch.tensor([0.0, 0.999] * 5))
    assert [t // 100 for t in times.tolist()] == list(range(10))
    assert times.max() <= 999 and spread_times(3, 1000, torch.full((3,), 1 - 2**-24)).max() == 999


def test_the_unet_gets_the_prompt_embeds_of_the_pipeline(pipeline, tiny_clip):
    text_encoder, tokenizer = load_text_encoder(tiny_clip)
    states = text_states(text_encoder, tokenise(tokenizer, PROMPTS))
    expected, empty = pipeline.encode_prompt(PROMPTS, "cpu", 1, do_classifier_free_guidance=True)
    assert states.shape == (3, tokenizer.model_max_length, text_encoder.config.hidden_size)
    assert torch.equal(states, expected)
    assert torch.equal(states[1], empty[0])


def test_the_saved_pipeline_equals_a_denoising_loop_by_hand(pipeline, tmp_path):
    (tmp_path / "README.md").write_text("card")
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "old.safetensors").write_bytes(b"stale")
    save_pipeline(tmp_path, pipeline)
    assert not any("_name_or_path" in path.read_text() for path in tmp_path.glob("*/*config.json"))
    assert (tmp_path / "README.md").read_text() == "card" and not (tmp_path / "unet" / "old.safetensors").exists()
    loaded = StableDiffusionPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    start = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    painted = loaded(
        PROMPTS[0], num_inference_steps=4, guidance_scale=3.0, latents=start.clone(), output_type="np"
    ).images
    assert painted.shape == (1, 64, 64, 3)

    signal, x = [*signal_by_hand(), 1.0], start
    states = loaded.text_encoder(
        loaded.tokenizer([PROMPTS[0], ""], padding="max_length", return_tensors="pt").input_ids
    )[0]
    with torch.no_grad():
        for time, following in ((999, 749), (749, 499), (499, 249), (249, -1)):
            wanted, free = loaded.unet(torch.cat((x, x)), time, states).sample.chunk(2)
            v = free + 3.0 * (wanted - free)
            a, s = math.sqrt(signal[time]), math.sqrt(1 - signal[time])
            clean, noise = a * x - s * v, a * v + s * x
            x = math.sqrt(signal[following]) * clean + math.sqrt(1 - signal[following]) * noise
        picture = loaded.vae.decode(x / loaded.vae.config.scaling_factor).sample
    expected = ((picture + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    assert np.abs(painted - expected).max() < 2e-3


def test_the_real_sizes_fit_the_repository(pipeline):
    """fp16: the whole directory within 19 MB, beside a text encoder of 4.4 MB and a tokenizer of 0.13 MB."""
    denoiser, autoencoder = (load_recipe(find_recipe(name))[1].model for name in ("diffusion", "vae"))
    with torch.device("meta"):
        unet = build_unet(denoiser, 16, autoencoder.latent_channels, 192)
        vae = build_vae(autoencoder)
    sizes = [2 * sum(p.numel() for p in model.parameters()) for model in (unet, vae)]
    assert 10e6 < sizes[0] < 11e6 and 3.5e6 < sizes[1] < 4.5e6
    assert sum(sizes) + 4.4e6 + 0.13e6 < 19e6


def test_latents_are_made_once_and_are_the_scenes_of_their_split(
    tiny_vae, tiny_clip, artwork, tmp_path, painter, monkeypatch
):
    monkeypatch.setattr(latents, "SHARD", 4)
    _, tokenizer = load_text_encoder(tiny_clip)
    spec = LatentsSpec("first", "train", 3, scenes=6, captions=2)
    options = {"vae": tiny_vae, "tokenizer": tokenizer, "artwork": artwork, "workers": 0, "report": lambda line: None}
    assert open_store(tmp_path, spec, deadline=0.0, **options) is None
    first_shard = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert len(first_shard) == 2
    store = open_store(tmp_path, spec, deadline=0.0, **options)
    found, tokens = store.rows(np.array([4, 1]), np.array([0, 1]))
    vae = load_vae(tiny_vae)
    for row, (index, wording) in enumerate(((4, 0), (1, 1))):
        painting = Paintings("train", 3).painting(index, captions=2)
        pixels = torch.from_numpy(np.asarray(painter.paint(painting.scene)).copy()).permute(2, 0, 1)[None]
        with torch.no_grad():
            means = vae.encode(pixels / 127.5 - 1).latent_dist.mean * 0.7
        assert torch.allclose(found[row], means[0], atol=0.05)
        assert tokens[row].tolist() == tokenise(tokenizer, [painting.captions[wording]])[0].tolist()
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = open_store(tmp_path, spec, **options)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == made and not again.missing()
    assert len(made) == 4 and first_shard.items() <= made.items()
    assert open_store(tmp_path, replace(spec, scenes=2, seed=4), **options).key != store.key


class Numbers:
    """A store whose latents are the numbers of the scenes."""

    key = "numbers"

    def __len__(self):
        return 12

    def rows(self, indices, wordings):
        return torch.from_numpy(indices), torch.from_numpy(wordings)


def test_batches_take_every_scene_once_an_epoch(tiny_clip, tiny_vae, artwork, tmp_path):
    _, recipe = parsed(tmp_path, toy_recipe("diffusion", tiny_clip, tiny_vae))
    training = DiffusionTraining(recipe, toy_options(tmp_path, artwork), Numbers(), Numbers())
    batches = list(training.batches(0, 6))
    for epoch in (batches[:3], batches[3:]):
        assert sorted(torch.cat([batch.latents for batch in epoch]).tolist()) == list(range(12))
    assert {n for batch in batches for n in batch.tokens.tolist()} == {0, 1}
    assert torch.equal(list(training.batches(4, 5))[0].latents, batches[4].latents)
    state = training.state_dict()
    with pytest.raises(CheckpointError, match="began with other data"):
        training.load_state_dict({**state, "origin": {**state["origin"], "fingerprint": "others"}})


def test_a_missing_autoencoder_is_named(tiny_clip, artwork, tmp_path):
    _, recipe = parsed(tmp_path, toy_recipe("diffusion", tiny_clip, tmp_path / "none"))
    with pytest.raises(CheckpointError, match=r"none: there is no autoencoder.*safeclip-train vae"):
        train(DiffusionTraining, recipe, toy_options(tmp_path, artwork))


def test_a_saved_autoencoder_loads_with_plain_diffusers(tiny_vae):
    plain = AutoencoderKL.from_pretrained(tiny_vae)
    assert plain.config.scaling_factor == 0.7
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = plain.encode(pixels / 127.5 - 1).latent_dist.mean * 0.7
    assert torch.allclose(encode(load_vae(tiny_vae), pixels), expected, atol=0.05)


def test_the_gradient_loss_by_hand():
    a = torch.zeros(1, 1, 4, 4)
    b = torch.zeros(1, 1, 4, 4)
    b[0, 0, :, 2:] = 1.0  # an edge in the middle: 4 of 12 horizontal differences are 1, and 2 of 2 when halved
    assert gradient_loss(a, b, scales=2).item() == pytest.approx((4 / 12 + 2 / 2) / 4)
    assert gradient_loss(b + 0.3, b, scales=2).item() == pytest.approx(0, abs=1e-6)


def test_the_average_follows_the_formula():
    network = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    ema, expected = Ema(network, 0.25), 0.0
    for n in range(6):
        with torch.no_grad():
            network.weight.fill_(n + 1.0)
        ema.update(network)
        decay = min(0.25, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * (n + 1.0)
    assert ema.model.weight.item() == pytest.approx(expected)
    other = Ema(network, 0.25)
    other.load_state_dict(ema.state_dict())
    other.update(network)
    ema.update(network)
    assert other.model.weight.item() == ema.model.weight.item()


def test_a_unet_starts_from_saved_weights(tmp_path):
    spec = UNetSpec((16, 32), 2, 8)
    saved, fresh = (build_unet(spec, 4, 4, 16) for _ in range(2))
    saved.save_pretrained(tmp_path / "unet")
    load_unet(fresh, tmp_path / "unet")
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), fresh.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="no UNet to go on from"):
        load_unet(fresh, tmp_path / "nowhere")


def test_joined_stores_are_read_as_one():
    class Numbers:
        def __init__(self, key, values):
            self.key, self.values = key, torch.tensor(values)

        def __len__(self):
            return len(self.values)

        def rows(self, indices, wordings):
            return self.values[indices], torch.from_numpy(wordings) + 100 * self.values[indices]

    first, second = Numbers("a", [1, 2, 3]), Numbers("b", [4, 5])
    joined = JoinedStores([first, second])
    found, tokens = joined.rows(np.array([4, 0, 3, 2, 4]), np.array([0, 1, 2, 3, 4]))
    assert len(joined) == 5 and found.tolist() == [5, 1, 4, 3, 5]
    assert tokens.tolist() == [500, 101, 402, 303, 504]
    assert JoinedStores([first]).key == "a" != joined.key


@pytest.mark.parametrize("key", ["scenes", "steps", "batch_size", "held_out", "sheet"])
def test_a_size_of_nothing_is_refused(tiny_clip, tiny_vae, tmp_path, key):
    _, recipe = parsed(tmp_path, toy_recipe("diffusion", tiny_clip, tiny_vae))
    with pytest.raises(ProfileError, match=f"“{key}” is 0; it must be at least 1"):
        replace(recipe, **{key: 0})


def test_scenes_that_fill_no_batch_are_refused(tiny_clip, tiny_vae, artwork, tmp_path):
    _, recipe = parsed(tmp_path, toy_recipe("diffusion", tiny_clip, tiny_vae))
    few = range(recipe.batch_size - 1)
    with pytest.raises(DataError, match=f"{len(few)} scenes do not fill one batch of {recipe.batch_size}"):
        DiffusionTraining(recipe, toy_options(tmp_path, artwork), few, few)


def test_a_run_does_not_go_on_with_another_text_encoder(tiny_clip, tiny_vae, artwork, tmp_path):
    _, recipe = parsed(tmp_path, toy_recipe("diffusion", tiny_clip, tiny_vae))
    other = tmp_path / "other"
    shutil.copytree(tiny_clip, other)
    weights = load_file(other / "model.safetensors")
    save_file({name: each + 1 for name, each in weights.items()}, other / "model.safetensors", {"format": "pt"})
    own, changed = (
        DiffusionTraining(replace(recipe, clip=str(clip)), toy_options(tmp_path, artwork), Numbers(), Numbers())
        for clip in (tiny_clip, other)
    )
    with pytest.raises(CheckpointError, match="another frozen model"):
        changed.load_state_dict(own.state_dict())
