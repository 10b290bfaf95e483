"""What a person sees of a build: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

_LOG_SECONDS = 10


class BuildProgress:
    """Tells of stages and times them; `seconds` maps each stage's name to what it took, in order."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.seconds: dict[str, float] = {}

    def say(self, message: str) -> None:
        if not self.quiet:
            tqdm.write(message, file=self.stream)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside under `name`; the same name again adds up."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 2)

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[_Counter]:
        """A counter of `total` rows; call it with how many more are done."""
        counter = _Counter(self, what, total)
        try:
            yield counter
        finally:
            counter.close()


class _Counter:
    def __init__(self, progress: BuildProgress, what: str, total: int):
        self._progress, self._what, self._total = progress, what, total
        self._done, self._start = 0, time.perf_counter()
        self._told_at, self._told_rows = self._start, -1
        self._bar = None
        if progress.stream.isatty() and not progress.quiet:
            self._bar = tqdm(total=total, desc=what, unit="row", file=progress.stream, dynamic_ncols=True)

    def __call__(self, rows: int) -> None:
        self._done += rows
        if self._bar is not None:
            self._bar.update(rows)
        elif time.perf_counter() - self._told_at > _LOG_SECONDS:
            self._tell()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._told_rows != self._done:
            self._tell()

    def _tell(self) -> None:
        self._told_at, self._told_rows = time.perf_counter(), self._done
        rate = self._done / max(time.perf_counter() - self._start, 1e-6)
        self._progress.say(f"{self._what}: {self._done:,} of {self._total:,} ({rate:,.0f}/s)")
