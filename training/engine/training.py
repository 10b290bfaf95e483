"""Base class of a recipe's training: the recipe supplies model, data, losses and evaluation, the engine does the rest.

`train` runs one: it resumes the run in its folder, takes optimizer steps until the end or the deadline, and saves.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import nn

from ..data.batches import numbered_batches
from .checkpoints import Stateful
from .device import Placement
from .loop import Pace, Schedule, run
from .optimizer import optimizer_step, total_loss
from .options import RunOptions
from .origin import check_origin, origin
from .recipe import BaseRecipe

R = TypeVar("R", bound=BaseRecipe)
B = TypeVar("B")
M = TypeVar("M", bound=nn.Module)

SAVED = "saved.json"  # the recipe of a run that is complete and whose result is saved


class Training(ABC, Generic[R, B]):
    """A model with its data, its losses and its evaluation. Subclasses set `model` and `optimizer` in __init__."""

    recipe_type: ClassVar[type[BaseRecipe]]
    result: ClassVar[str] = "model"  # folder inside that of the run
    max_norm: ClassVar[float | None] = 1.0  # of the gradient; None does not clip

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self, recipe: R, options: RunOptions):
        self.recipe = recipe
        self.options = options
        self.placement = Placement.of(options.device, recipe.precision)
        self.scaler = torch.amp.GradScaler(
            self.placement.device.type, enabled=self.placement.precision == torch.float16
        )

    @classmethod
    def open(cls, recipe: R, options: RunOptions) -> Self | None:
        """The training, with its data prepared; None when `options.deadline` came before the data were complete."""
        return cls(recipe, options)

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps the whole run has."""

    @abstractmethod
    def batch_maker(self) -> Callable[[int], B]:
        """A function from the number of a step to its batch, on the CPU. It runs in worker processes."""

    @abstractmethod
    def losses(self, step: int, batch: B) -> dict[str, torch.Tensor]:
        """Named scalars of a batch on the device.

        Those whose names end in `_loss` are summed and minimised; the others are only logged.
        """

    @abstractmethod
    def parts(self) -> Mapping[str, Stateful]:
        """What a checkpoint holds beside the optimizer, by name."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the result as a hub repository would hold it."""

    @property
    def fingerprint(self) -> str:
        """Names the data and the frozen models. A run resumes only with the ones that it began with."""
        return ""

    def rate_factor(self, step: int) -> float:
        """Factor on the schedule's learning rate."""
        return 1.0

    def after_step(self, step: int) -> None:
        """Follows each optimizer step: an average of weights, a bound on one."""

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """Measures after `step` finished steps; returns what to log, and whether to stop here."""
        return {}, False

    def savable(self, complete: bool) -> bool:
        """Whether there is a result to save at the end of this slice."""
        return True

    def initialise(self, build: Callable[..., M], *arguments: Any) -> M:
        """Calls `build`, whose random weights the recipe's seed decides, and moves the module to the device."""
        torch.manual_seed(self.recipe.seed)
        return self.placement.module(build(*arguments))

    def batches(self, first: int, last: int) -> Iterator[B]:
        """The batches of steps first … last − 1, on the device."""
        return map(self.placement.batch, numbered_batches(self.batch_maker(), first, last, self.options.workers))

    def step(self, step: int, batch: B, learning_rate: float) -> dict[str, float]:
        """Takes one optimizer step; returns the total loss, every entry of `losses` and the gradient's norm."""
        self.model.train()
        losses = self.losses(step, batch)
        total = total_loss(losses)
        measured = optimizer_step(
            total,
            self.optimizer,
            learning_rate * self.rate_factor(step),
            max_norm=self.max_norm,
            scaler=self.scaler,
        )
        self.after_step(step)
        return numbers({"loss": total, **losses, **measured})

    def state_dict(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {"origin": origin(self.recipe, self.fingerprint), "parts": parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises CheckpointError when the state is of another recipe, other data or another frozen model."""
        check_origin(self.options.out, state["origin"], origin(self.recipe, self.fingerprint))
        for name, part in self._parts().items():
            part.load_state_dict(state["parts"][name])

    def _parts(self) -> dict[str, Stateful]:
        return {**self.parts(), "optimizer": self.optimizer, "scaler": self.scaler}


def train(training_type: type[Training], recipe: BaseRecipe, options: RunOptions) -> bool:
    """Trains in `options.out`, resuming what is there, and saves the result in its folder `training_type.result`.

    Returns whether the run is complete. Raises SafeClipError when the recipe names what is not there, CheckpointError
    when the folder holds a run of another recipe.
    """
    saved = options.out / SAVED
    keys = origin(recipe, "")
    if saved.is_file():
        check_origin(options.out, json.loads(saved.read_text(encoding="utf-8")), keys)
        return True
    training = training_type.open(recipe, options)
    if training is None:
        return False
    schedule = Schedule(training.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
    pace = Pace(recipe.validate_every, options.report_every, options.deadline)
    complete = run(training, schedule, options.out, seed=recipe.seed, pace=pace)
    if training.savable(complete):
        training.save(options.out / training.result)
    if complete:
        saved.write_text(json.dumps(keys, indent=2) + "\n", encoding="utf-8")
    return complete


def numbers(tensors: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Named scalars as Python numbers, in one copy from the device."""
    values = torch.stack([value.detach().float() for value in tensors.values()]).tolist()
    return dict(zip(tensors, values, strict=True))
