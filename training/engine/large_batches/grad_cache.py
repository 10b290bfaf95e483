"""GradCache: the exact gradient of a loss over a whole batch, with the activations of a part of it in memory.

Gao et al., 2021, arXiv 2101.06983. All parts are encoded without a graph, the loss gives the gradient of each
embedding, and each part is encoded again with a graph, into which its embeddings' gradients go. The random numbers of
a part, for its dropout, are drawn from a seed of its own and so are the same both times.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from .trees import concatenated, map_tensors, tensors_of

P = TypeVar("P")
E = TypeVar("E")
L = TypeVar("L")

_SEED_STRIDE = 15_485_863
_SEEDS = 2**63


def cached_backward(parts: Sequence[P], encode: Callable[[P], E], loss: Callable[[E], tuple[torch.Tensor, L]]) -> L:
    """Adds the gradient of the loss of all parts together to the parameters; returns what `loss` gives beside it.

    `encode` turns a part into a structure of tensors, whose first dimension is that of the rows; `loss` gets the
    structures joined, and returns the scalar to minimise and anything else. Tensors of a part may have different
    numbers of rows. `encode` draws random numbers from torch's default generator alone.
    """
    seed = torch.initial_seed()
    with torch.no_grad():
        encoded = [_seeded(seed, number, encode, part) for number, part in enumerate(parts)]
    whole = map_tensors(_leaf, concatenated(encoded))
    leaves = tensors_of(whole)  # before the loss, which may add tensors of its own to the structure
    torch.manual_seed(seed)  # the loss draws as if no part had been encoded
    total, result = loss(whole)
    total.backward()
    gradients = [leaf.grad for leaf in leaves]
    starts = [0] * len(leaves)
    for number, part in enumerate(parts):
        again = tensors_of(_seeded(seed, number, encode, part))
        ends = [start + len(tensor) for start, tensor in zip(starts, again, strict=True)]
        pairs = [
            (tensor, gradient[start:end])
            for tensor, gradient, start, end in zip(again, gradients, starts, ends, strict=True)
            if gradient is not None and tensor.requires_grad
        ]
        torch.autograd.backward([tensor for tensor, _ in pairs], [gradient for _, gradient in pairs])
        starts = ends
    return result


def _leaf(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().requires_grad_(tensor.is_floating_point())


def _seeded(seed: int, number: int, encode: Callable[[P], E], part: P) -> E:
    torch.manual_seed((seed + (number + 1) * _SEED_STRIDE) % _SEEDS)
    return encode(part)
