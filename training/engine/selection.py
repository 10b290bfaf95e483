"""Model selection: the best validation loss and the best recall sum are kept apart, as Safe-CLIP's authors do."""

from dataclasses import dataclass
from typing import Any

import torch

LOWER_IS_BETTER = frozenset({"loss"})


@dataclass
class Best:
    """The best value of a criterion so far, and the weights that reached it."""

    value: float
    step: int
    weights: dict[str, torch.Tensor]


class Selection:
    """Keeps the best weights by each criterion; patience falls only when none of them improves."""

    def __init__(self, patience: int, criteria: tuple[str, ...]):
        self.best: dict[str, Best] = {}
        self._patience = patience
        self._criteria = criteria
        self._fruitless = 0

    def update(self, step: int, measured: dict[str, float], weights: dict[str, torch.Tensor]) -> bool:
        """Takes in a validation; returns whether patience has run out."""
        improved = [name for name in self._criteria if self._better(name, measured[name])]
        for name in improved:
            copies = {key: tensor.detach().clone() for key, tensor in weights.items()}
            self.best[name] = Best(measured[name], step, copies)
        self._fruitless = 0 if improved else self._fruitless + 1
        return self._fruitless >= self._patience

    def _better(self, name: str, value: float) -> bool:
        if name not in self.best:
            return True
        return value < self.best[name].value if name in LOWER_IS_BETTER else value > self.best[name].value

    def state_dict(self) -> dict[str, Any]:
        return {"fruitless": self._fruitless, "best": {name: vars(best) for name, best in self.best.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._fruitless = state["fruitless"]
        self.best = {name: Best(**best) for name, best in state["best"].items()}
