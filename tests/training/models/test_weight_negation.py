"""UWM against a computation with one full matrix an item."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from training.models.weight_negation import (
    InputProfile,
    linear_layers,
    negate_unsafe_weights,
    top_mass,
    weight_scores,
)

PAIRS, IN, OUT = 4, 5, 3


def items(seed: int) -> list[torch.Tensor]:
    """Inputs of as many tokens as each item has, (1, tokens, in)."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, tokens, IN, generator=generator) for tokens in range(3, 3 + PAIRS)]


def profile(inputs: list[torch.Tensor]) -> InputProfile:
    found = InputProfile()
    for each in inputs:
        found.add(each)
    return found


def naive_scores(weight: np.ndarray, safe: list[torch.Tensor], unsafe: list[torch.Tensor]) -> np.ndarray:
    def saliency(inputs: torch.Tensor) -> np.ndarray:
        x = inputs[0].detach().double().numpy()
        used = np.abs(weight) * np.linalg.norm(x, axis=0)  # (out, in)
        matrix = np.outer(used.mean(axis=1), used.mean(axis=0))
        return matrix / x.std(axis=0)

    quotients = [saliency(b) / saliency(a) for a, b in zip(safe, unsafe, strict=True)]
    return np.mean(quotients, axis=0) * np.abs(weight)


def test_scores_equal_one_matrix_an_item():
    weight = torch.randn(OUT, IN, generator=torch.Generator().manual_seed(9))
    safe, unsafe = items(0), items(1)
    found = weight_scores(weight, profile(safe), profile(unsafe))
    np.testing.assert_allclose(found, naive_scores(weight.double().numpy(), safe, unsafe), rtol=1e-4)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_the_marked_set_is_the_smallest_that_holds_the_mass(values, fraction):
    scores = torch.tensor(values, dtype=torch.float64)
    marked = top_mass(scores, fraction)
    wanted = fraction * scores.sum()
    assert scores[marked].sum() >= wanted * (1 - 1e-12)
    smallest = scores[marked].min()
    assert scores[marked].sum() - smallest < wanted
    assert (scores[~marked] <= smallest).all()


def test_only_marked_weights_of_named_layers_are_negated():
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("fc1", nn.Linear(IN, IN))
    network.add_module("fc2", nn.Linear(IN, OUT))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    safe, unsafe = items(2), items(3)
    layers = linear_layers(network, ["fc2"])
    inputs = {"safe": [network.fc1(each) for each in safe], "unsafe": [network.fc1(each) for each in unsafe]}
    negated = negate_unsafe_weights(
        layers,
        lambda: [network(each) for each in safe],
        lambda: [network(each) for each in unsafe],
        fraction=0.3,
    )
    scores = naive_scores(before["fc2.weight"].double().numpy(), inputs["safe"], inputs["unsafe"])
    marked = top_mass(torch.from_numpy(scores), 0.3)
    expected = torch.where(marked, -before["fc2.weight"], before["fc2.weight"])
    assert torch.equal(network.fc2.weight, expected) and negated == {"fc2": int(marked.sum())}
    for name in ("fc1.weight", "fc1.bias", "fc2.bias"):
        assert torch.equal(network.state_dict()[name], before[name])
    assert negate_unsafe_weights(layers, lambda: network(safe[0]), lambda: network(safe[0])) == {"fc2": 1}


@pytest.mark.parametrize("endings", [["out_proj"], ["fc1", "fc2"]])
def test_layers_are_found_by_the_last_part_of_their_names(endings):
    network = nn.ModuleDict({"a": nn.ModuleDict({"fc1": nn.Linear(1, 1), "my_fc2": nn.Linear(1, 1)})})
    network["out_proj"] = nn.LayerNorm(1)
    assert list(linear_layers(network, endings)) == (["a.fc1"] if "fc1" in endings else [])
