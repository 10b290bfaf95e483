"""Stable Diffusion as a frozen reader of text states, against its own UNet."""

import json
from pathlib import Path
from shutil import copytree

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError, ProfileError
from training.readers.painter import EARLY, FrozenPainter, Starts

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def encoder(tiny_clip) -> Encoder:
    return Encoder.from_pretrained(tiny_clip)


@pytest.fixture(scope="module")
def painter(tiny_stable_diffusion, encoder) -> FrozenPainter:
    return FrozenPainter(str(tiny_stable_diffusion), encoder, CPU)


@pytest.fixture(scope="module")
def starts(painter) -> Starts:
    return painter.starts(torch.arange(4), epoch=0)


@pytest.fixture(scope="module")
def states(encoder) -> torch.Tensor:
    """States of four safe prompts and then of four unsafe ones."""
    width = encoder.model.config.text_config.hidden_size
    return torch.randn(8, 5, width, generator=torch.Generator().manual_seed(1))


def _predicting(kind: str, checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of a checkpoint whose scheduler says that the UNet predicts something else."""
    folder = copytree(checkpoint, tmp_path / kind)
    config = folder / "scheduler" / "scheduler_config.json"
    table = {**json.loads(config.read_text(encoding="utf-8")), "prediction_type": kind}
    config.write_text(json.dumps(table), encoding="utf-8")
    return folder


def test_untuned_states_go_no_step_and_change_nothing(painter, starts, states):
    read = painter.paintings(starts, states, states)
    torch.testing.assert_close(read.advance, torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(read.change, torch.zeros(4), atol=1e-5, rtol=0)


def test_the_safe_prompt_s_states_go_the_whole_way(painter, starts, states):
    safe = states[:4]
    read = painter.paintings(starts, torch.cat((safe, safe)), states)
    torch.testing.assert_close(read.advance, torch.ones(4), atol=1e-4, rtol=0)


def test_prompts_that_are_painted_alike_have_arrived(painter, starts, states):
    safe = states[:4]
    read = painter.paintings(starts, states, torch.cat((safe, safe)))
    assert read.advance.tolist() == [1.0] * 4


def test_figures_are_those_of_the_unet_at_a_picture_under_way(painter, starts, states, tiny_stable_diffusion):
    unet = UNet2DConditionModel.from_pretrained(tiny_stable_diffusion / "unet").eval()
    scheduler = DDIMScheduler.from_pretrained(tiny_stable_diffusion / "scheduler")
    tuned, last = states.flip(1), len(scheduler.alphas_cumprod) - 1
    read = painter.paintings(starts, tuned, states)
    for row in range(4):
        noise, time = starts.noise[row : row + 1], starts.times[row : row + 1]
        safe, unsafe = states[row : row + 1], states[row + 4 : row + 5]

        def predict(latents, when, text):
            with torch.no_grad():
                return unet(latents, when, text).sample

        first = predict(noise, torch.tensor([last]), safe if time % 2 == 0 else unsafe)
        signal = scheduler.alphas_cumprod[last]
        picture = (noise - (1 - signal).sqrt() * first) / signal.sqrt()
        latents = scheduler.add_noise(picture, noise, time)
        to, come = predict(latents, time, safe), predict(latents, time, unsafe)
        led, kept = (predict(latents, time, tuned[place : place + 1]) for place in (row + 4, row))
        advance = ((led - come) * (to - come)).sum() / (to - come).square().sum()
        assert read.advance[row].item() == pytest.approx(advance.item(), rel=1e-3, abs=1e-4)
        change = (kept - to).square().sum() / to.square().sum()
        assert read.change[row].item() == pytest.approx(change.item(), rel=1e-3, abs=1e-4)


def test_a_v_prediction_is_read_as_one(tiny_stable_diffusion, encoder, painter, tmp_path, starts, states):
    other = FrozenPainter(str(_predicting("v_prediction", tiny_stable_diffusion, tmp_path)), encoder, CPU)
    tuned = states.flip(1)
    one, another = (each.paintings(starts, tuned, states).advance for each in (other, painter))
    assert torch.isfinite(one).all() and not torch.allclose(one, another)


def test_a_unet_that_predicts_pictures_is_refused(tiny_stable_diffusion, encoder, tmp_path):
    folder = _predicting("sample", tiny_stable_diffusion, tmp_path)
    with pytest.raises(ProfileError, match="predicts “sample”; take one that predicts epsilon or v_prediction"):
        FrozenPainter(str(folder), encoder, CPU)


def test_the_gradient_is_that_of_the_tuned_states_alone(painter, starts, states):
    tuned, frozen = states.flip(1).requires_grad_(True), states.clone().requires_grad_(True)
    painter.paintings(starts, tuned, frozen).advance[1].backward()
    assert tuned.grad[5].abs().sum() > 0 and frozen.grad is None
    assert not tuned.grad[[0, 1, 2, 3, 4, 6, 7]].any()


def test_starts_are_those_of_the_quadruplet_and_the_epoch(painter):
    some, others = painter.starts(torch.tensor([7, 3, 5]), 2), painter.starts(torch.tensor([3]), 2)
    assert torch.equal(some.noise[1], others.noise[0]) and some.times[1] == others.times[0]
    assert not torch.equal(others.noise, painter.starts(torch.tensor([3]), 3).noise)
    many = painter.starts(torch.arange(200), 0).times
    assert 1000 * (1 - EARLY) <= many.min() < 520 and 980 < many.max() < 1000


def test_a_painter_that_is_not_there_is_named(encoder, tmp_path: Path):
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        FrozenPainter(str(tmp_path / "none"), encoder, CPU)


def test_a_tower_of_another_shape_is_told(tiny_stable_diffusion, tiny_clip):
    other = Encoder.from_pretrained(tiny_clip)
    other.model.text_model.config.hidden_size = 768
    with pytest.raises(CheckpointError, match="Its text tower does not fit this .*: hidden size 768 instead of 32"):
        FrozenPainter(str(tiny_stable_diffusion), other, CPU)
