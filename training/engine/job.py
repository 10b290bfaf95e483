"""Base class of what a recipe runs: it is opened, runs until it is complete or the time is up, and saves its result."""

import json
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

from safeclip.errors import CheckpointError
from safeclip.runtime.atomic_files import write_atomically

from .device import Placement
from .large_batches.distributed import World
from .logs import require_logs
from .options import RunOptions
from .origin import check_finished, models_of, origin
from .recipe import BaseRecipe

R = TypeVar("R", bound=BaseRecipe)

SAVED = "saved.json"  # the recipe and the models of a run that is complete and whose result is saved


class Job(ABC, Generic[R]):
    """A recipe with its options, on a device. Subclasses say what is run and what is saved."""

    recipe_type: ClassVar[type[BaseRecipe]]
    result: ClassVar[str] = "model"  # folder inside that of the run

    def __init__(self, recipe: R, options: RunOptions):
        self.recipe = recipe
        self.options = options
        self.world = World.join()
        self.placement = Placement.of(options.device, recipe.precision, self.world.local_rank)

    @classmethod
    def open(cls, recipe: R, options: RunOptions) -> Self | None:
        """The job, with its data prepared; None when `options.deadline` came before the data were complete."""
        return cls(recipe, options)

    @abstractmethod
    def run(self) -> bool:
        """Goes on from where the folder's run stopped; returns whether it is complete."""

    def savable(self, complete: bool) -> bool:
        """Whether there is a result to save at the end of this slice."""
        return True

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the result as a hub repository would hold it."""


def train(job_type: type[Job], recipe: BaseRecipe, options: RunOptions) -> bool:
    """Runs a recipe in `options.out`, resuming what is there, and saves the result in its folder `job_type.result`.

    Returns whether the run is complete; a complete one is told so, and saved again where its result is gone. Raises
    SafeClipError when the recipe names a file that is missing, CheckpointError when the folder holds a run of another
    recipe.
    """
    require_logs(options.logs)
    saved, result = options.out / SAVED, options.out / job_type.result
    if saved.is_file():
        check_finished(options.out, _read(saved), recipe)
        if result.is_dir():
            if World.join().first:
                print(f"{options.out}: this run is complete; its result is in {result}.", file=sys.stderr)
            return True
    job = job_type.open(recipe, options)
    if job is None:
        return False
    complete = job.run()
    if job.world.first and job.savable(complete):
        job.save(result)
    if job.world.first and complete:
        keys = origin(recipe, "") | models_of(recipe)
        options.out.mkdir(parents=True, exist_ok=True)
        write_atomically(saved, (json.dumps(keys, indent=2) + "\n").encode())
    job.world.wait()
    return complete


def train_to_the_end(job_type: type[Job], recipe: BaseRecipe, options: RunOptions) -> Path:
    """The folder of the result of a run that is complete; the run goes on from where it was.

    Raises KeyboardInterrupt where it was ended before: it is saved, and goes on when the command is given again.
    """
    if not train(job_type, recipe, options):
        raise KeyboardInterrupt
    return options.out / job_type.result


def _read(saved: Path) -> dict[str, str]:
    try:
        keys = json.loads(saved.read_text(encoding="utf-8"))
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise CheckpointError(f"{saved}: this file is damaged. Remove it, and give the command again.")
    return keys
