"""Activations that are computed again leave the steps of a recipe as they are."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.recipes.safe_clip import SafeClipTraining


@pytest.fixture
def training(tmp_path, artwork, tiny_clip):
    def make(name: str = "safe_clip", **options) -> SafeClipTraining:
        training_type, recipe = parsed(tmp_path, 'precision = "float32"\n' + toy_recipe(name, tiny_clip))
        return training_type(recipe, toy_options(tmp_path / "run", artwork, **options))

    return make


def saved_bytes(made: SafeClipTraining) -> int:
    """Bytes that a step's forward pass keeps for its backward pass."""
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    made.model.train()
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        made.losses(0, made.placement.batch(made.batch_maker()(0)))
    return kept


def losses(made: SafeClipTraining) -> list[float]:
    torch.manual_seed(0)
    return [each["loss"] for each in take_steps(made, 3, 1e-3)]


@pytest.mark.parametrize("name", ["safe_clip", "safe_clip_states"])
def test_recomputed_activations_give_the_same_steps_with_less_kept(name, training):
    plain, frugal = training(name), training(name, recompute=True)
    assert saved_bytes(frugal) < saved_bytes(plain) / 2
    assert losses(frugal) == pytest.approx(losses(plain), rel=1e-6)
