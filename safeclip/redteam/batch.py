"""Runs the red team over a file of texts: one JSON line a text, so that a run can be cancelled and resumed."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from ..errors import QueryError
from ..failures.texts import GivenText
from ..hashing import json_sha256
from .perturbations import Stack
from .trials import RedTeam, Trial

MOST = 500  # texts of a file

Results = list[tuple[GivenText, list[Trial]]]


def unsafe_ones(texts: Sequence[GivenText], place: object) -> list[GivenText]:
    """The unsafe ones of the texts of a place: a harmless one that finds nothing unsafe proves nothing.

    Raises QueryError where there are none.
    """
    found = [text for text in texts if text.unsafe]
    if not found:
        raise QueryError(f"No text of {place} is unsafe, so there is nothing to try. Name others.")
    return found


class ResultStore(Protocol):
    """Keeps what is finished of a batch, in order. Two runs may share it: the first to finish a text counts."""

    def finished(self) -> list[list[Trial]]: ...

    def add(self, number: int, trials: list[Trial]) -> None:
        """Keeps the trials of text `number`, unless there are some."""


class ResultsInMemory:
    """Results of a batch for as long as somebody holds this object."""

    def __init__(self) -> None:
        self._done: list[list[Trial]] = []
        self._lock = threading.Lock()

    def finished(self) -> list[list[Trial]]:
        return list(self._done)

    def add(self, number: int, trials: list[Trial]) -> None:
        with self._lock:
            if number == len(self._done):
                self._done.append(trials)


class ResultsInFile:
    """Results of a batch in a file of JSON lines, each on the disk before the next text is tried."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def finished(self) -> list[list[Trial]]:
        """The trials of the texts that are done. A line that a killed run left unfinished is cut off."""
        if not self.file.is_file():
            return []
        with self._locked():
            return [[Trial.from_dict(each) for each in json.loads(line)] for line in self._lines()]

    def add(self, number: int, trials: list[Trial]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps([trial.to_record() for trial in trials], ensure_ascii=False)
        with self._locked(), open(self.file, "ab") as file:
            if number != len(self._lines()):
                return
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _locked(self) -> FileLock:
        return FileLock(f"{self.file}.lock")

    def _lines(self) -> list[bytes]:
        content = self.file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(self.file, len(whole))
        return whole.split(b"\n")[:-1]


class Batch:
    """The texts of a file under some stacks. `fingerprint` names these inputs, and what decides their outcomes."""

    def __init__(self, team: RedTeam, texts: Sequence[GivenText], stacks: Sequence[Stack]) -> None:
        self._team = team
        self._texts = list(texts)
        self._stacks = list(stacks)
        asked = [[text.text, text.category] for text in texts]
        inputs = [*team.settings, asked, [stack.name for stack in stacks]]
        self.fingerprint = json_sha256(inputs)[:16]

    def __len__(self) -> int:
        return len(self._texts)

    def run(self, kept: ResultStore, stop: threading.Event | None = None) -> Iterator[Results]:
        """Yields the results so far, first those that were kept, then with each text more; the last are all.

        Setting `stop` ends it before the next text; the same batch goes on from what was kept. From the first text on
        that a seat could not answer nothing is kept, so that it is tried again.
        """
        done = kept.finished()
        yield list(zip(self._texts, done, strict=False))
        whole = True
        for number, text in enumerate(self._texts[len(done) :], start=len(done)):
            if stop is not None and stop.is_set():
                return
            trials = self._team.trials(text.text, self._stacks)
            whole = whole and not any(trial.errors for trial in trials)
            if whole:
                kept.add(number, trials)
            done.append(trials)
            yield list(zip(self._texts, done, strict=False))


def rows_of(results: Results) -> Iterator[dict[str, object]]:
    """Yields a flat table of results: a row for each trial and seat, for CSV."""
    for number, (text, trials) in enumerate(results, start=1):
        for trial in trials:
            about = {"number": number, "category": text.category, "stack": trial.stack or "as it is"}
            about |= {"text": trial.text, "applied": trial.applied, "refused": trial.refused}
            about |= {"notes": " ".join(trial.notes)}
            for seat in trial.outcomes or ("",):
                outcome = trial.outcomes.get(seat)
                yield about | {
                    "seat": seat,
                    "leaks": outcome.unsafe if outcome is not None and outcome.judged else None,
                    "unsafe_hits": None if outcome is None else outcome.unsafe_hits,
                    "margin": None if outcome is None or outcome.margin is None else round(outcome.margin, 4),
                    "found": "" if outcome is None else outcome.found,
                    "said": "" if outcome is None else outcome.said,
                }
