"""Flags that save memory or time leave the steps of a recipe as they are."""

from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from torch.autograd.graph import saved_tensors_hooks
from torch.distributed.tensor import DTensor

from safeclip.errors import ProfileError
from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.engine.large_batches.acceleration import shard_frozen_weights
from training.engine.large_batches.distributed import World
from training.recipes.safe_clip import SafeClipTraining


@pytest.fixture
def training(tmp_path, artwork, tiny_clip):
    def make(name: str = "safe_clip", dropout: float | None = None, **options) -> SafeClipTraining:
        training_type, recipe = parsed(tmp_path, 'precision = "float32"\n' + toy_recipe(name, tiny_clip))
        if dropout is not None:
            recipe = replace(recipe, lora=replace(recipe.lora, dropout=dropout))
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


@pytest.mark.parametrize("name", ["safe_clip", "safe_clip_states"])
def test_a_folded_adapter_takes_the_same_steps(name, training):
    assert losses(training(name, dropout=0.0, fold=True)) == pytest.approx(
        losses(training(name, dropout=0.0)), rel=1e-5
    )


def test_a_folded_adapter_leaves_what_is_frozen_as_it_was(training):
    plain, folded = training(dropout=0.0), training(dropout=0.0, fold=True)
    take_steps(folded, 2, 1e-2)
    batch = folded.placement.batch(folded.batch_maker()(0))
    with folded.model.disable_adapter(), plain.model.disable_adapter(), torch.no_grad():
        assert torch.equal(folded.embed(batch).text, plain.embed(batch).text)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"fold": True}, "without dropout"), ({"dropout": 0.0, "fold": True, "shard": True}, "whole weight")],
)
def test_what_cannot_be_folded_is_said(options, said, training):
    with pytest.raises(ProfileError, match=said):
        training(**options)


@pytest.fixture
def group(tmp_path):
    """A process group over Gloo with this process alone."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_frozen_weights_are_divided_and_the_adapter_stays_whole(group, training):
    plain, sharded = training(), training()
    shard_frozen_weights(sharded.model.base_model.model, World(rank=0, size=2))
    layers = {name: each for name, each in sharded.model.named_parameters() if ".encoder.layers." in name}
    assert {name for name, each in layers.items() if isinstance(each, DTensor)} == {
        name for name in layers if "lora_" not in name
    }
    assert losses(sharded) == pytest.approx(losses(plain), rel=1e-6)


def test_one_process_has_nothing_to_divide(training):
    with pytest.raises(ProfileError, match="Start it with torchrun"):
        training(shard=True)


@pytest.mark.full  # tracing takes long
def test_compiled_layers_take_the_same_steps(training):
    assert losses(training(compile="aot_eager")) == pytest.approx(losses(training()), rel=1e-4)


def test_a_backend_that_torch_does_not_know_is_said(training):
    with pytest.raises(ProfileError, match="--compile fast: torch has no such backend; use one of: .*inductor"):
        training(compile="fast")


def test_a_compiler_that_does_not_work_is_said(training, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no compiler\nlong story")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(ProfileError, match="does not work here .*no compiler.*; leave out --compile"):
        training(compile="inductor")
