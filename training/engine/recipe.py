"""Recipes: every hyper-parameter of a run in one TOML file, read strictly into the dataclass that defines it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from safeclip.errors import ProfileError

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class BaseRecipe:
    """The keys that every recipe has."""

    paths: ClassVar[tuple[str, ...]] = ()  # keys that only say where something is, not what it is
    counts: ClassVar[tuple[str, ...]] = ()  # keys whose numbers are at least 1
    from_zero: ClassVar[tuple[str, ...]] = ("seed",)  # keys whose numbers are at least 0

    recipe: str  # a name of training.recipes.registry
    seed: int
    precision: str = "bfloat16"  # a key of training.engine.device.PRECISIONS

    def __post_init__(self) -> None:
        """Raises ProfileError for a number that no run can have."""
        for least, keys in ((1, self.counts), (0, self.from_zero)):
            check_at_least(least, {key: getattr(self, key) for key in keys})
        if self.seed > LARGEST_SEED:
            raise ProfileError(f"the key “seed” is {self.seed}; it must be at most {LARGEST_SEED}.")

    def hyper_parameters(self) -> dict[str, Any]:
        """The keys that decide what is computed."""
        return {key: value for key, value in asdict(self).items() if key not in self.paths}


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe(BaseRecipe):
    """The keys of every recipe that takes optimizer steps.

    The learning rate rises linearly for `warmup_steps`, stays, and falls linearly to zero over the last `decay_steps`.
    """

    counts: ClassVar[tuple[str, ...]] = ("validate_every",)
    from_zero: ClassVar[tuple[str, ...]] = (*BaseRecipe.from_zero, "warmup_steps", "decay_steps")

    learning_rate: float
    warmup_steps: int = 0
    decay_steps: int = 0
    validate_every: int  # steps; each validation is saved

    def __post_init__(self) -> None:
        super().__post_init__()
        check_above_zero({"learning_rate": self.learning_rate})


def check_at_least(least: int, values: Mapping[str, int]) -> None:
    """Raises ProfileError for the first of the `values`, by their keys in a recipe, that is under `least`."""
    for key, value in values.items():
        if value < least:
            raise ProfileError(f"the key “{key}” is {value}; it must be at least {least}.")


def check_above_zero(values: Mapping[str, float]) -> None:
    """Raises ProfileError for the first of the `values`, by their keys in a recipe, that is 0, negative or infinite."""
    for key, value in values.items():
        if not 0 < value < math.inf:
            raise ProfileError(f"the key “{key}” is {value}; it must be a number above 0.")


def check_dropout(key: str, value: float) -> None:
    """Raises ProfileError for a dropout that is no share below 1."""
    if not 0 <= value < 1:
        raise ProfileError(f"the key “{key}” is {value}; it must be from 0 to below 1.")
