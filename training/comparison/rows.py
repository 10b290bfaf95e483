"""Rows of the comparison: each a recipe of this package, and what is changed so that all have the same budget."""

from dataclasses import dataclass
from typing import Any

from safeclip.schema import parse, read_table

from ..engine.job import Job
from ..engine.recipe import BaseRecipe
from ..recipes.registry import find_recipe, job_type


@dataclass(frozen=True)
class Budget:
    """What every run may use.

    `train` quadruplets to train on, `epochs` times, in batches of `batch_size`; `validation` ones to measure with.
    """

    train: int = 768
    validation: int = 256
    epochs: int = 2
    batch_size: int = 32

    @property
    def steps(self) -> int:
        """Optimizer steps of a run."""
        return self.epochs * (self.train // self.batch_size)


@dataclass(frozen=True)
class Row:
    """One row: its name in the table, the recipe whose options it has, and the objectives that are left out of it."""

    name: str
    recipe: str
    without: tuple[str, ...] = ()

    def table(self, budget: Budget, seed: int, checkpoint: str) -> dict[str, Any]:
        """The recipe as a TOML table. Learning rate, adapter and weights stay; the schedule shrinks with the steps.

        The run is validated once, at its end, so that nothing is selected on the quadruplets that measure it.
        """
        table = read_table(find_recipe(f"{self.recipe}.toml"), "recipe")
        data = {"train": budget.train, "validation": budget.validation, "seed": seed}
        table |= {"seed": seed, "checkpoint": checkpoint, "data": {"emoji": data}}
        if "objective" in table:
            table["objective"] = {key: each for key, each in table["objective"].items() if key not in self.without}
            table |= {"epochs": budget.epochs, "batch_size": budget.batch_size, "validate_every": budget.steps}
            table |= {"warmup_steps": budget.steps // 8, "decay_steps": budget.steps // 4}
        else:
            table["pairs"] = min(table["pairs"], budget.train)
        return table

    def job(self, budget: Budget, seed: int, checkpoint: str) -> tuple[type[Job], BaseRecipe]:
        """The job that trains the row, and its recipe."""
        table = self.table(budget, seed, checkpoint)
        found = job_type(table["recipe"])
        return found, parse(found.recipe_type, table, file=find_recipe(f"{self.recipe}.toml"))


ROWS = {
    "safe_clip": Row("Safe-CLIP, the paper's eight terms", "safe-clip"),
    "mixed_gallery": Row("ours: with the mixed gallery", "safe-clip-mixed", without=("token_states",)),
    "token_states": Row("ours: with mixed gallery and token states", "safe-clip-mixed"),
    "safer_clip": Row("SafeR-CLIP", "safer-clip"),
    "hysac": Row("HySAC", "hysac"),
    "des": Row("DES, text encoder alone", "des"),
    "sage": Row("SAGE, text encoder alone", "sage"),
    "uwm": Row("UWM, no training", "uwm"),
}
