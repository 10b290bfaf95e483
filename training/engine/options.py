"""Options of a run that do not change its result: folders, time limit, device, worker processes."""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """Where a recipe runs and how it is sliced. What it computes is in the recipe alone.

    `minutes` ends this slice of the run, counted from when the options are made; None runs to the end. `workers` is
    the number of processes that prepare batches (0: none), `device` torch's name of one (None: a GPU if there is one).
    `strict` makes incomplete rows of the data an error instead of leaving them out.
    `artwork` and `language` are where what is fetched is kept: emoji artwork, texts and their teacher. `packed` is
    where painted scenes of the open world are kept, `embeddings` where those of frozen models are (None: in `out`), so
    that several runs compute them once. `logs` are names of `logs.LOGS`. `fold`, `recompute`, `shard`
    and `compile`, the name of a backend of torch.compile, are the ways of `large_batches.acceleration`, of a Safe-CLIP;
    a LLaVA's language model is compiled as well.
    """

    out: Path
    artwork: Path = Path("runs/artwork")
    minutes: float | None = None
    workers: int = 1
    report_every: int = 20  # steps
    device: str | None = None
    language: Path = Path("runs/language")
    packed: Path = Path("runs/open-world")
    embeddings: Path | None = None
    logs: tuple[str, ...] = ()
    fold: bool = False
    recompute: bool = False
    shard: bool = False
    compile: str | None = None
    strict: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """When this slice ends, in seconds of time.monotonic()."""
        return self.started + 60 * self.minutes if self.minutes else float("inf")


def from_zero(text: str) -> int:
    """A whole number from 0, as a type of argparse."""
    return _whole(text, 0)


def from_one(text: str) -> int:
    """A whole number from 1, as a type of argparse."""
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
    return int(text)


def above_zero(text: str) -> float:
    """A number above 0, as a type of argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value
