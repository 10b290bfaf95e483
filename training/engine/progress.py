"""Progress of a run: a line on the terminal now and then, every measurement in a JSON-lines file and other logs."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ..json_lines import append_lines
from .logs import LOGS

METRICS = "metrics.jsonl"  # in the folder of the run


class TrainingProgress:
    """Collects the metrics of steps; every `every` steps their means go to METRICS and to the terminal.

    `logs` names those of `LOGS` that get them too. Beside the means stands the `hardware` of this slice, for a card.
    """

    def __init__(
        self,
        folder: Path,
        total_steps: int,
        every: int,
        terminal: TextIO = sys.stderr,
        logs: Sequence[str] = (),
        hardware: str = "",
    ):
        self._path = folder / METRICS
        self._total = total_steps
        self._every = every
        self._terminal = terminal
        self._logs = [LOGS[name](folder) for name in logs]
        self._hardware = hardware
        self._sums: dict[str, float] = {}
        self._count = 0
        self._started = time.monotonic()

    def add(self, step: int, metrics: dict[str, float]) -> None:
        """Counts one finished step (numbered from 1)."""
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % self._every == 0 or step == self._total:
            self.report(step)

    def report(self, step: int) -> None:
        """Reports the steps since the last report up to `step`, where there are any, as at the end of a slice."""
        if not self._count:
            return
        seconds = time.monotonic() - self._started
        means = {name: total / self._count for name, total in self._sums.items()}
        rate = self._count / seconds
        self._write(step, {**means, "steps_per_second": rate}, {"hardware": self._hardware})
        left = (self._total - step) / rate / 60
        print(f"step {step}/{self._total}  {_shown(means)}  {left:.0f} min left", file=self._terminal, flush=True)
        self._sums, self._count, self._started = {}, 0, time.monotonic()

    def note(self, step: int, measured: dict[str, float]) -> None:
        """Reports a validation."""
        if measured:
            self._write(step, measured)
            print(f"  validation at {step}: {_shown(measured)}", file=self._terminal, flush=True)

    def _write(self, step: int, figures: dict[str, float], facts: dict[str, str] | None = None) -> None:
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "step": step, **figures, **(facts or {})}
        append_lines(self._path, [line])
        for log in self._logs:
            log.write(step, figures)


def _shown(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
