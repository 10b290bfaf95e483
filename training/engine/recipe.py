"""Recipes: every hyper-parameter of a run in one TOML file, read strictly into the dataclass that defines it."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from safeclip.errors import ProfileError

from ..bounds import POSITIVE, at_least, check_bound

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
            check_bound(at_least(least), {key: getattr(self, key) for key in keys})
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
        check_bound(POSITIVE, {"learning_rate": self.learning_rate})
