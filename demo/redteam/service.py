"""The service of the red team: trials of one text, or of a file of texts."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from PIL import Image

from safeclip.errors import QueryError
from safeclip.failures.texts import read_texts
from safeclip.redteam.batch import MOST, Batch, Kept, KeptInMemory, Results
from safeclip.redteam.perturbations import Words
from safeclip.redteam.trials import TASKS, RedTeam, Trial

from ..common.service import TaskService, TaskState
from ..common.zero_gpu import uses_zero_gpu
from .request import RedTeamRequest

_REMEMBERED = 8  # unfinished batches that can be resumed


@dataclass(frozen=True)
class RedTeamState(TaskState[RedTeamRequest]):
    """State of a request; `comparison` are its trials, the text as it is first. `whole` says that all were tried."""

    comparison: tuple[Trial, ...] | None = None
    whole: bool = False

    @property
    def done(self) -> bool:
        return bool(self.error) or self.whole or self.stopped

    @property
    def repeatable(self) -> bool:
        return self.whole and not self.error


class RedTeamService(TaskService[RedTeamRequest, RedTeamState]):
    """Perturbs, and searches or paints."""

    name = "redteam"
    request_type = RedTeamRequest
    state_type = RedTeamState

    def checked(self, request: RedTeamRequest) -> RedTeamRequest:
        checked = super().checked(request)
        _ = checked.all_stacks  # raises QueryError for a perturbation that there is not
        if checked.task not in self.tasks:
            raise QueryError(f"This page cannot try texts on the task “{checked.task}”.")
        return checked

    @property
    def stoppable(self) -> bool:
        return len(self.tasks) > 1  # a search is over before it could be stopped

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that texts can be given to here; a borrowed GPU is lent for an answer, not for a row of them."""
        spec = self.lab.profile.generation
        paints = spec is not None and not uses_zero_gpu(spec)
        return tuple(task for task in TASKS if task != "generation" or paints)

    def compute(self, state: RedTeamState, image: Image.Image | None, stop: threading.Event) -> Iterator[RedTeamState]:
        started = time.perf_counter()
        request, last = state.request, state
        for trials in self.team(request).progress(request.text, request.all_stacks, stop):
            last = replace(state, comparison=tuple(trials), seconds=time.perf_counter() - started)
            yield last
        yield replace(last, whole=not stop.is_set(), stopped=stop.is_set())

    def team(self, request: RedTeamRequest) -> RedTeam:
        """The red team of the reference and the seats of a request, on its task."""
        return RedTeam(self.lab, self._words, [self.lab.encoders.reference, *request.seats], task=request.task)

    def run_file(self, path: Path, request: RedTeamRequest, stop: threading.Event) -> Iterator[tuple[Results, int]]:
        """Yields the results so far of the texts of a file, and how many there are.

        A batch that was stopped goes on from there when the same file comes again. Raises QueryError for a file that
        holds no texts, or more than `batch.MOST`.
        """
        batch = Batch(self.team(request), read_texts(path, most=MOST), request.all_stacks)
        kept = self._kept(batch.fingerprint)
        for results in batch.run(kept, stop):
            yield results, len(batch)

    def _kept(self, fingerprint: str) -> Kept:
        with self._batches_lock:
            batches = self._batches
            batches[fingerprint] = batches.pop(fingerprint, KeptInMemory())
            while len(batches) > _REMEMBERED:
                del batches[next(iter(batches))]
            return batches[fingerprint]

    @cached_property
    def _batches(self) -> dict[str, KeptInMemory]:
        return {}

    @cached_property
    def _batches_lock(self) -> threading.Lock:
        return threading.Lock()

    @cached_property
    def _words(self) -> Words:
        return Words.of(self.lab.profile)
