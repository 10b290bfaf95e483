"""An exponential moving average of a network's weights."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn


class Ema:
    """Keeps `model`, a copy whose parameters follow those of a trained network.

    The decay grows with the number n of updates, min(decay, (1 + n) / (10 + n)): the random start is soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.model = deepcopy(network).eval().requires_grad_(False)
        self._decay = decay
        self._updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        torch._foreach_lerp_(list(self.model.parameters()), list(network.parameters()), 1 - decay)
        self._updates += 1

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self._updates = state["updates"]
