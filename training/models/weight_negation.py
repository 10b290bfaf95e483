"""UWM, unsafe weights manipulation: a training-free transformation that negates the weights unsafe inputs use most.

D'Incà et al., WACV 2026, arXiv 2503.11742. For a linear layer W (out, in) and the inputs of one item, the activation
norm over tokens times |W| is a saliency; its mean over outputs and its mean over inputs span a matrix of rank one,
divided by the item's standard deviation over tokens. The score of a weight is the mean over pairs of the quotient of
the unsafe and the safe item's matrix, times |W|. The smallest set of weights that holds 2 % of the scores' sum is
multiplied by −1. Decisions where the description leaves room: the standard deviation is that of each input feature,
and the layers of the named kind in a whole tower are scored and negated one by one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

FRACTION = 0.02
_EPSILON = 1e-8


class InputProfile:
    """Per item, what a layer's saliency needs of its inputs X (tokens, in): norms and deviations over tokens."""

    def __init__(self) -> None:
        self._norms: list[torch.Tensor] = []
        self._deviations: list[torch.Tensor] = []

    def add(self, inputs: torch.Tensor) -> None:
        """Takes in the inputs of n items, (n, tokens, in)."""
        inputs = inputs.detach().float()
        self._norms.append(inputs.norm(dim=1).cpu())
        self._deviations.append(inputs.std(dim=1, correction=0).cpu())

    @property
    def norms(self) -> torch.Tensor:
        """float32 (items, in)."""
        return torch.cat(self._norms)

    @property
    def deviations(self) -> torch.Tensor:
        """float32 (items, in)."""
        return torch.cat(self._deviations)


def weight_scores(weight: torch.Tensor, safe: InputProfile, unsafe: InputProfile) -> torch.Tensor:
    """The score of every weight of a layer, float32 (out, in); item i of both profiles is a pair.

    A quotient of matrices of rank one has rank one, so the mean over pairs is one matrix product.
    """
    magnitude = weight.detach().float().abs().cpu()
    rows, columns = [], []
    for profile in (unsafe, safe):
        rows.append(profile.norms @ magnitude.T / magnitude.shape[1])  # mean over inputs, (items, out)
        columns.append(profile.norms * magnitude.mean(0) / (profile.deviations + _EPSILON))  # over outputs, (items, in)
    row, column = (each[0] / (each[1] + _EPSILON) for each in (rows, columns))
    return row.T @ column / len(row) * magnitude


def top_mass(scores: torch.Tensor, fraction: float = FRACTION) -> torch.Tensor:
    """Marks the smallest set of the highest scores whose sum is at least `fraction` of the total: bool, same shape."""
    ranked = scores.flatten().double().sort(descending=True)
    needed = int((ranked.values.cumsum(0) < fraction * ranked.values.sum()).sum()) + 1
    marked = torch.zeros(scores.numel(), dtype=torch.bool)
    marked[ranked.indices[:needed]] = True
    return marked.view(scores.shape)


@contextmanager
def recording(layers: dict[str, nn.Linear]) -> Iterator[dict[str, InputProfile]]:
    """Records the inputs of layers, by name, of every forward pass inside the block."""
    profiles = {name: InputProfile() for name in layers}

    def record(name: str) -> Callable:
        return lambda layer, arguments: profiles[name].add(arguments[0])

    hooks = [layer.register_forward_pre_hook(record(name)) for name, layer in layers.items()]
    try:
        yield profiles
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def negate_unsafe_weights(
    layers: dict[str, nn.Linear],
    run_safe: Callable[[], object],
    run_unsafe: Callable[[], object],
    fraction: float = FRACTION,
) -> dict[str, int]:
    """Negates the layers' weights that unsafe items use most; returns how many of each layer.

    `run_safe` and `run_unsafe` pass the calibration pairs through the model, item by item in the same order.
    """
    with recording(layers) as safe:
        run_safe()
    with recording(layers) as unsafe:
        run_unsafe()
    negated = {}
    for name, layer in layers.items():
        marked = top_mass(weight_scores(layer.weight, safe[name], unsafe[name]), fraction)
        layer.weight[marked.to(layer.weight.device)] *= -1
        negated[name] = int(marked.sum())
    return negated


def linear_layers(module: nn.Module, endings: Iterable[str]) -> dict[str, nn.Linear]:
    """The linear layers whose names end in one of `endings`, in order."""
    wanted = tuple(endings)
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in wanted
    }
