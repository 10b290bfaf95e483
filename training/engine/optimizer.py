"""One optimizer step: losses summed by name, gradient clipping, AdamW."""

from collections.abc import Iterable, Mapping
from functools import reduce

import torch
from torch import nn


def adamw(parameters: Iterable[nn.Parameter], weight_decay: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW of the parameters that take a gradient: it decays matrices and kernels, not biases and norms.

    The learning rate is set at every step.
    """
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=betas)


def total_loss(losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The sum of the entries whose names end in `_loss`, as open_clip sums them; other entries are only logged."""
    return reduce(torch.add, (value for name, value in losses.items() if name.endswith("_loss")))


def optimizer_step(
    optimizer: torch.optim.Optimizer,
    learning_rate: float,
    *,
    max_norm: float | None = 1.0,
    scaler: torch.amp.GradScaler | None = None,
) -> dict[str, torch.Tensor]:
    """One step at `learning_rate` with the gradients that are there, clipped to `max_norm` (None: not clipped).

    `scaler` is the one that scaled the loss for float16. Returns {"gradient": the norm before clipping}, or nothing
    without clipping.
    """
    scaler = scaler or torch.amp.GradScaler(enabled=False)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    measured = {}
    if max_norm is not None:
        scaler.unscale_(optimizer)
        measured["gradient"] = nn.utils.clip_grad_norm_(trained_parameters(optimizer), max_norm)
    scaler.step(optimizer)
    scaler.update()
    return measured


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """The parameters that the optimizer changes, in order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
