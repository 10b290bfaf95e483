"""Base class of trainings: a recipe supplies model, data, losses and evaluation, the engine does the rest."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from safeclip.errors import ProfileError

from . import loop
from .batches import numbered_batches
from .checkpoints import Stateful
from .device import hardware
from .job import Job
from .optimizer import optimizer_step, total_loss, trained_parameters
from .options import RunOptions
from .origin import check_origin, origin
from .recipe import TrainingRecipe

R = TypeVar("R", bound=TrainingRecipe)
B = TypeVar("B")
M = TypeVar("M", bound=nn.Module)


class Training(Job[R], Generic[R, B]):
    """A model with its data, its losses and its evaluation. Subclasses set `model` and `optimizer` in __init__."""

    max_norm: ClassVar[float | None] = 1.0  # of the gradient; None does not clip
    parallel: ClassVar[bool] = False  # whether a batch can be shared among the processes of torchrun

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self, recipe: R, options: RunOptions):
        super().__init__(recipe, options)
        if self.world.size > 1 and not self.parallel:
            raise ProfileError(f"the recipe “{recipe.recipe}” runs in one process; start it without torchrun.")
        float16 = self.placement.precision == torch.float16
        self.scaler = torch.amp.GradScaler(self.placement.device.type, enabled=float16)

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

    def initialise(self, build: Callable[..., M], *arguments: Any) -> M:
        """Calls `build`, whose random weights the recipe's seed decides, and moves the module to the device."""
        torch.manual_seed(self.recipe.seed)
        return self.placement.module(build(*arguments))

    def run(self) -> bool:
        """Trains from the folder's last state to the end of the run or the deadline; returns whether it is complete."""
        recipe = self.recipe
        schedule = loop.Schedule(self.steps, recipe.learning_rate, recipe.warmup_steps, recipe.decay_steps)
        pace = loop.Pace(recipe.validate_every, self.options.report_every, self.options.deadline)
        return loop.run(
            self,
            schedule,
            self.options.out,
            seed=recipe.seed,
            pace=pace,
            world=self.world,
            logs=self.options.logs,
            hardware=hardware(self.placement.device),
        )

    def batches(self, first: int, last: int) -> Iterator[B]:
        """The batches of steps first … last − 1, on the device."""
        return map(self.placement.batch, numbered_batches(self.batch_maker(), first, last, self.options.workers))

    def step(self, step: int, batch: B, learning_rate: float) -> dict[str, float]:
        """Takes one optimizer step; returns the total loss, every entry of `losses` and the gradient's norm."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.backward(step, batch)
        self.world.average_gradients(trained_parameters(self.optimizer))
        rate = learning_rate * self.rate_factor(step)
        measured = optimizer_step(self.optimizer, rate, max_norm=self.max_norm, scaler=self.scaler)
        self.after_step(step)
        return numbers({"loss": total_loss(losses), **losses, **measured})

    def backward(self, step: int, batch: B) -> dict[str, torch.Tensor]:
        """Computes the gradient of the total loss of a batch; returns the entries of `losses`."""
        losses = self.losses(step, batch)
        self.scaler.scale(total_loss(losses)).backward()
        return losses

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


def numbers(tensors: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Named scalars as Python numbers, in one copy from the device."""
    values = torch.stack([value.detach().float() for value in tensors.values()]).tolist()
    return dict(zip(tensors, values, strict=True))
