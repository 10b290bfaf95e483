"""Progress of a build for a person: a line that is rewritten on a terminal, and plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_LOG_SECONDS = 10
_LIVE_SECONDS = 0.2


class BuildProgress:
    """Prints messages and times stages; `seconds` maps each stage's name to its duration, in order."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.seconds: dict[str, float] = {}

    def log(self, message: str) -> None:
        if not self.quiet:
            print(message, file=self.stream, flush=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the duration of the block to `seconds[name]`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 2)

    @contextmanager
    def counting(self, what: str, total: int | None, done: int = 0) -> Iterator[Callable[..., None]]:
        """Yields a counter that shows `done` of `total` rows (None: unknown), the rate, time left and failures."""
        counter = Counter(self, what, total, done)
        try:
            yield counter
        finally:
            counter.close()


class Counter:
    """The live line of one stage. Call it with the number of rows just finished, of which `failed` failed."""

    def __init__(self, progress: BuildProgress, what: str, total: int | None, done: int = 0):
        self._progress, self._what, self._total = progress, what, total
        self._begun = self._done = done
        self._failed = 0
        self._start = self._shown_at = time.perf_counter()
        self._shown = -1
        self._live = progress.stream.isatty() and not progress.quiet

    def __call__(self, rows: int, failed: int = 0) -> None:
        self._done += rows
        self._failed += failed
        if time.perf_counter() - self._shown_at > (_LIVE_SECONDS if self._live else _LOG_SECONDS):
            self._show()

    def close(self) -> None:
        if self._shown != self._done:
            self._show()
        if self._live:
            self._progress.stream.write("\n")

    def _show(self) -> None:
        self._shown_at, self._shown = time.perf_counter(), self._done
        line = status_line(
            self._what, self._done, self._total, self._failed, self._done - self._begun, self._shown_at - self._start
        )
        if self._live:
            self._progress.stream.write(f"\r{line}\x1b[K")  # the escape clears what a longer line left
            self._progress.stream.flush()
        else:
            self._progress.log(line)


def status_line(what: str, done: int, total: int | None, failed: int, now: int, seconds: float) -> str:
    """The live line: `now` of the `done` rows were finished in the `seconds` since the stage began."""
    rate = now / max(seconds, 1e-6)
    notes = [f"{rate:,.0f}/s"]
    if total is not None and rate > 0 and done < total:
        notes.append(f"{duration((total - done) / rate)} left")
    if failed:
        notes.append(f"{failed:,} failed")
    return f"{what}: {done:,}" + (f" of {total:,}" if total is not None else "") + f" ({', '.join(notes)})"


def duration(seconds: float) -> str:
    """Seconds as "45 s", "12 min", "3.5 h" or "2.1 days"."""
    for unit, size, digits in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"
