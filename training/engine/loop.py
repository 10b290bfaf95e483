"""The training loop of every recipe: resumable bit for bit, and able to run in slices.

A step is a function of the weights, the optimizer's state, and the step's number: batches and dropout are drawn from
(seed, step), so nothing else needs saving.
"""

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch

from ..errors import DivergedError
from .checkpoints import has_state, load_state, save_state
from .large_batches.distributed import ALONE, World
from .progress import TrainingProgress

_RANK_STRIDE = 2**40
_SEED_STRIDE = 1_000_003  # so that no two recipes with neighbouring seeds share a step's random numbers


class Trainable(Protocol):
    """What the loop drives: training.engine.training.Training, or a fake of it."""

    def batches(self, first: int, last: int) -> Iterator[Any]:
        """The batches of steps first … last − 1."""

    def step(self, step: int, batch: Any, learning_rate: float) -> dict[str, float]:
        """Takes one optimizer step on a batch; returns the metrics to log."""

    def validate(self, step: int) -> tuple[dict[str, float], bool]:
        """Measures after `step` finished steps; returns what to log, and whether to stop here."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Schedule:
    """Learning rate that rises linearly, stays, and falls linearly to zero over the last `decay_steps`."""

    steps: int
    learning_rate: float
    warmup_steps: int = 0
    decay_steps: int = 0

    def at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rise = (step + 1) / self.warmup_steps if self.warmup_steps else 1.0
        fall = (self.steps - step) / self.decay_steps if self.decay_steps else 1.0
        return self.learning_rate * min(1.0, rise, fall)


@dataclass(frozen=True)
class Pace:
    """How often a run is validated and saved, how often it reports, and when this slice of it ends.

    `deadline` is in seconds of time.monotonic(); at least one step is taken.
    """

    validate_every: int = 100
    report_every: int = 20
    deadline: float = float("inf")


def run(
    trainable: Trainable,
    schedule: Schedule,
    folder: Path,
    *,
    seed: int,
    pace: Pace,
    world: World = ALONE,
    logs: Sequence[str] = (),
    hardware: str = "",
) -> bool:
    """Trains from the folder's last state to the end of the run or of this slice; returns whether the run is complete.

    Of several ranks the first writes log and state, and decides when to stop; the state does not depend on how many
    there are. `logs` are names of `logs.LOGS`; `hardware` is noted in them. Raises DivergedError when the loss is no
    number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = load_state(folder)
    if state is not None:
        trainable.load_state_dict(state["trainable"])
        if state["complete"]:
            return True
    step = state["step"] if state else 0
    world.wait()  # no rank may read a state that another has written since
    progress = None
    if world.first:
        progress = TrainingProgress(folder, schedule.steps, pace.report_every, logs=logs, hardware=hardware)
    with _interruptible() as interrupted:
        for batch in trainable.batches(step, schedule.steps):
            torch.manual_seed(seed * _SEED_STRIDE + step + world.rank * _RANK_STRIDE)
            metrics = trainable.step(step, batch, schedule.at(step))
            step += 1
            _require_number(metrics.get("loss"), step, folder)
            if progress:
                progress.add(step, metrics)
            complete = step == schedule.steps
            checkpoint = complete or step % pace.validate_every == 0
            if checkpoint:
                measured, stop = trainable.validate(step)
                _require_number(measured.get("validation_loss"), step, folder)
                complete = complete or world.agree(stop)
                if progress:
                    progress.note(step, measured)
            out_of_time = world.agree(time.monotonic() > pace.deadline or interrupted())
            if world.first and (checkpoint or out_of_time):
                save_state(folder, {"step": step, "trainable": trainable.state_dict(), "complete": complete})
            if complete or out_of_time:
                if progress:
                    progress.report(step)
                return complete
    return True


def _require_number(loss: float | None, step: int, folder: Path) -> None:
    if loss is not None and not math.isfinite(loss):
        kept = "keeps the last state saved" if has_state(folder) else "has no state yet"
        raise DivergedError(
            f"The loss is {loss} at step {step}. Choose a lower learning rate, or float32 as precision; "
            f"{folder} {kept}."
        )


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Lets Ctrl-C or a termination end the slice after the current step, saved; a second one stops at once.

    Yields whether one came. A signal with another handler than its default stays as it is.
    """
    stopped = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True
        print("Stopping after this step. Ctrl-C again stops at once.", file=sys.stderr, flush=True)

    mine = threading.current_thread() is threading.main_thread()
    defaults: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    held = [each for each, default in defaults.items() if mine and signal.getsignal(each) is default]
    for each in held:
        signal.signal(each, note)
    try:
        yield lambda: stopped
    finally:
        for each in held:
            signal.signal(each, defaults[each])
