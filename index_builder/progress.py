"""Progress of a build for a person: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

_LOG_SECONDS = 10


class BuildProgress:
    """Prints messages and times stages; `seconds` maps each stage's name to its duration, in order."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.seconds: dict[str, float] = {}

    def log(self, message: str) -> None:
        if not self.quiet:
            tqdm.write(message, file=self.stream)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the duration of the block to `seconds[name]`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 2)

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[_Counter]:
        """Yields a counter of `total` rows, to be called with the number of rows just finished."""
        counter = _Counter(self, what, total)
        try:
            yield counter
        finally:
            counter.close()


class _Counter:
    def __init__(self, progress: BuildProgress, what: str, total: int):
        self._progress, self._what, self._total = progress, what, total
        self._done, self._start = 0, time.perf_counter()
        self._logged_at, self._logged_rows = self._start, -1
        self._bar = None
        if progress.stream.isatty() and not progress.quiet:
            self._bar = tqdm(total=total, desc=what, unit="row", file=progress.stream, dynamic_ncols=True)

    def __call__(self, rows: int) -> None:
        self._done += rows
        if self._bar is not None:
            self._bar.update(rows)
        elif time.perf_counter() - self._logged_at > _LOG_SECONDS:
            self._log_rate()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._logged_rows != self._done:
            self._log_rate()

    def _log_rate(self) -> None:
        self._logged_at, self._logged_rows = time.perf_counter(), self._done
        rate = self._done / max(time.perf_counter() - self._start, 1e-6)
        self._progress.log(f"{self._what}: {self._done:,} of {self._total:,} ({rate:,.0f}/s)")
