"""Where a run's measurements go beside its own `metrics.jsonl`: TensorBoard or Weights & Biases, by name.

A new one is a class and one line of LOGS. Neither needs a network: W&B keeps its runs on disk until `wandb sync`,
unless WANDB_MODE says otherwise.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from safeclip.errors import ProfileError
from safeclip.hashing import content_id


class MetricLog(Protocol):
    """Takes in the numbers of a step."""

    def write(self, step: int, figures: Mapping[str, float]) -> None: ...


class TensorBoardLog:
    """Event files in the folder `tensorboard` of the run. Raises ProfileError when the package is missing."""

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard") from error
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()


class WandbLog:
    """A run of Weights & Biases, named and known by its folder. Raises ProfileError when the package is missing."""

    def __init__(self, folder: Path):
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb") from error
        place = folder.absolute()
        self._run = wandb.init(
            project="safeclip-train",
            name=place.name,
            id=f"{place.name}-{content_id(str(place))}",  # two runs may have a folder of one name
            resume="allow",
            dir=str(folder),
            mode=os.environ.get("WANDB_MODE", "offline"),
        )

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)


LOGS: dict[str, Callable[[Path], MetricLog]] = {"tensorboard": TensorBoardLog, "wandb": WandbLog}


def require_logs(names: Iterable[str]) -> None:
    """Raises ProfileError when the package of a log, which has the log's name, is missing."""
    for name in names:
        if find_spec(name) is None:
            raise _missing(name)


def _missing(name: str) -> ProfileError:
    return ProfileError(f"--log {name} needs the package: pip install {name}")
