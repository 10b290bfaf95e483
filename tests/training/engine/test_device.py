"""Every recipe computes on the device that the engine names, and in its precision."""

import ast
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import training
from safeclip.errors import DeviceError, ProfileError
from tests.fakes.toy_recipes import parsed, toy_options, toy_recipe
from training.engine.device import Placement, autocast, hardware
from training.engine.optimizer import total_loss
from training.models.vae import VaeSpec, build_vae, save_vae

META = torch.device("meta")  # computes shapes alone, and fails as soon as a tensor of another device takes part


@pytest.fixture(scope="module")
def tiny_vae(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vae") / "model"
    save_vae(folder, build_vae(VaeSpec(64, (8, 8, 8, 8), 4, 4)), scaling_factor=0.7)
    return folder


@pytest.mark.parametrize("name", ["clip", "safe_clip", "safe_clip_states", "vae", "diffusion", "judge"])
def test_losses_and_gradients_follow_the_device(name, tmp_path, artwork, tiny_clip, tiny_vae):
    training_type, recipe = parsed(tmp_path, toy_recipe(name, tiny_clip, tiny_vae))
    tuning = training_type.open(recipe, toy_options(tmp_path, artwork))
    for key, value in dict(vars(tuning)).items():
        if isinstance(value, torch.nn.Module):
            value.to(META)
        elif isinstance(value, torch.Tensor):
            setattr(tuning, key, value.to(META))
    tuning.placement = replace(tuning.placement, device=META)
    last = tuning.steps - 1
    losses = tuning.losses(last, next(tuning.batches(last, tuning.steps)))
    assert losses and all(value.device == META for value in losses.values())
    total_loss(losses).backward()
    gradients = [parameter.grad for parameter in tuning.model.parameters() if parameter.grad is not None]
    assert gradients and all(gradient.device == META for gradient in gradients)


@pytest.mark.parametrize("package", ["recipes", "models", "losses", "evaluation"])
def test_no_module_but_the_engines_names_a_device(package):
    for path in sorted((Path(training.__file__).parent / package).glob("*.py")):
        strings = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert not strings & {"cpu", "cuda", "mps"}, path


@dataclass
class Batch:
    pixels: torch.Tensor
    tokens: dict[str, torch.Tensor]
    parts: tuple[torch.Tensor, ...]
    names: list[str]
    absent: torch.Tensor | None = None


def test_a_batch_moves_with_everything_in_it():
    batch = Batch(torch.zeros(2), {"ids": torch.ones(3)}, (torch.ones(1),), ["a"])
    moved = Placement(META).batch(batch)
    assert (moved.pixels.device, moved.tokens["ids"].device, moved.parts[0].device) == (META, META, META)
    assert (moved.names, moved.absent, batch.pixels.device.type) == (["a"], None, "cpu")


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_precision_is_that_of_matrix_products(name):
    placement = Placement.of("cpu", name)
    with placement.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == getattr(torch, name)
    with autocast(torch.device("cpu"), torch.float32):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_wrong_names_are_reported():
    with pytest.raises(DeviceError, match="warp"):
        Placement.of("warp", "float32")
    with pytest.raises(ProfileError, match="float8.*float32, bfloat16, float16"):
        Placement.of("cpu", "float8")


def test_the_hardware_is_that_of_the_runs_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert hardware(torch.device("cuda")) == "a GPU" and "CPU core" in hardware(torch.device("cpu"))
