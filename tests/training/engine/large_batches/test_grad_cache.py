"""GradCache gives the gradients of the whole batch, whatever the parts, dropout included."""

import pytest
import torch
from torch import nn

from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.engine.large_batches.grad_cache import cached_backward
from training.engine.large_batches.trees import concatenated, map_tensors, tensors_of
from training.losses.contrastive import contrastive_loss


@pytest.fixture(scope="module")
def painting_objective(tiny_stable_diffusion) -> str:
    """A recipe's table: of every two quadruplets of a batch the prompts of one are painted."""
    return f'[objective.paintings]\npainter = "{tiny_stable_diffusion}"\none_in = 2\n'


def loss_of(encoded: dict[str, torch.Tensor]) -> tuple[torch.Tensor, str]:
    return contrastive_loss(encoded["a"], encoded["b"], 5.0), "beside"


@pytest.mark.parametrize("sizes", [(8,), (4, 4), (3, 3, 2), (1,) * 8])
def test_gradients_are_those_of_the_whole_batch(sizes):
    torch.manual_seed(0)
    network, inputs = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6)).double(), torch.randn(8, 5).double()

    def encode(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        a, b = network(rows).chunk(2, dim=1)
        return {"a": a, "b": b}

    total, _ = loss_of(encode(inputs))
    total.backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    assert cached_backward(inputs.split(list(sizes)), encode, loss_of) == "beside"
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_tensors_of_a_part_may_have_fewer_rows_than_others_or_none():
    torch.manual_seed(0)
    network, inputs = nn.Linear(5, 3).double(), torch.randn(8, 5).double()

    def encode(rows: torch.Tensor) -> dict[str, torch.Tensor]:
        found = network(rows)
        return {"all": found, "some": found[rows[:, 0] > 0]}

    def loss(encoded: dict[str, torch.Tensor]) -> tuple[torch.Tensor, None]:
        return encoded["all"].square().mean() + encoded["some"].pow(3).mean(), None

    loss(encode(inputs))[0].backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    parts = sorted(inputs.split(1), key=lambda row: row[0, 0].item())
    assert len(encode(parts[0])["some"]) == 0
    cached_backward([parts[0], torch.cat(parts[1:6]), torch.cat(parts[6:])], encode, loss)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_both_passes_draw_the_same_dropout():
    network, inputs, seen = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5)), torch.randn(6, 4), []

    def encode(rows: torch.Tensor) -> torch.Tensor:
        seen.append(network(rows))
        return seen[-1]

    torch.manual_seed(7)
    cached_backward(inputs.split(2), encode, lambda whole: (whole.square().sum(), None))
    for first, second in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first, second.detach())
    assert not torch.equal(seen[0] == 0, seen[1] == 0)


@pytest.mark.parametrize("name", ["safe_clip", "safe_clip_states", "des", "paintings"])
def test_a_recipe_takes_the_same_steps_with_fewer_rows_at_once(name, tmp_path, artwork, tiny_clip, painting_objective):
    text = (
        toy_recipe("safe_clip", tiny_clip) + painting_objective if name == "paintings" else toy_recipe(name, tiny_clip)
    )
    exact = 'precision = "float32"\n' + text.replace("r = 2", "r = 2, dropout = 0.0")
    adapters = []
    for rows in (0, 1, 3):
        training_type, recipe = parsed(tmp_path / f"r{rows}", f"rows_at_once = {rows}\n{exact}")
        training = training_type(recipe, toy_options(tmp_path / f"run{rows}", artwork))
        losses = [metrics["loss"] for metrics in take_steps(training, 3, 1e-3)]
        adapters.append((training.state_dict()["parts"]["adapter"], losses))
    (whole, losses), *others = adapters
    for adapter, found in others:
        assert found == pytest.approx(losses, abs=1e-5)
        for key, tensor in whole.items():
            torch.testing.assert_close(adapter[key], tensor, atol=1e-5, rtol=0)


def test_structures_join_and_change_tensor_by_tensor():
    parts = [{"a": (torch.full((n, 2), float(n)), None), "b": "kept"} for n in (1, 2)]
    joined = concatenated(parts)
    assert joined["b"] == "kept" and joined["a"][1] is None
    assert joined["a"][0].tolist() == [[1, 1], [2, 2], [2, 2]]
    assert [len(each) for each in tensors_of(map_tensors(lambda tensor: tensor[:1], joined))] == [1]
