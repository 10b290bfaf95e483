"""One step of AdamW as every picture model here takes it."""

from collections.abc import Iterable

import torch
from torch import nn


def adamw(parameters: Iterable[nn.Parameter], weight_decay: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """Weight decay for matrices and kernels alone: not for biases or norms. The rate is set at every step."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=betas)


def optimizer_step(
    loss: torch.Tensor, optimizer: torch.optim.Optimizer, learning_rate: float, max_norm: float = 1.0
) -> float:
    """Backward, clip the gradient to `max_norm`, step; returns the norm that the gradient had."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return norm.item()
