"""The service of the red team: trials of one text, or of a file of texts."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from PIL import Image

from safeclip.failures.texts import read_texts
from safeclip.redteam.batch import MOST, Batch, Kept, KeptInMemory, Results
from safeclip.redteam.perturbations import Words
from safeclip.redteam.trials import RedTeam, Trial

from ..common.service import TaskService, TaskState
from .request import RedTeamRequest

_REMEMBERED = 8  # unfinished batches that can be resumed


@dataclass(frozen=True)
class RedTeamState(TaskState[RedTeamRequest]):
    """State of a request; `comparison` are its trials, the text as it is first."""

    comparison: tuple[Trial, ...] | None = None

    @property
    def repeatable(self) -> bool:
        return self.comparison is not None and not self.error


class RedTeamService(TaskService[RedTeamRequest, RedTeamState]):
    """Perturbs and searches."""

    name = "redteam"
    request_type = RedTeamRequest
    state_type = RedTeamState

    def checked(self, request: RedTeamRequest) -> RedTeamRequest:
        checked = super().checked(request)
        _ = checked.all_stacks  # raises QueryError for a perturbation that there is not
        return checked

    def compute(self, state: RedTeamState, image: Image.Image | None, stop: threading.Event) -> Iterator[RedTeamState]:
        started = time.perf_counter()
        request = state.request
        trials = self.team(request.seats).trials(request.text, request.all_stacks)
        yield replace(state, comparison=tuple(trials), seconds=time.perf_counter() - started)

    def team(self, seats: tuple[str, ...]) -> RedTeam:
        """The red team of the reference and these seats."""
        return RedTeam(self.lab, self._words, [self.lab.encoders.reference, *seats])

    def run_file(self, path: Path, request: RedTeamRequest, stop: threading.Event) -> Iterator[tuple[Results, int]]:
        """Yields the results so far of the texts of a file, and how many there are.

        A batch that was stopped goes on from there when the same file comes again. Raises QueryError for a file that
        holds no texts, or more than `batch.MOST`.
        """
        batch = Batch(self.team(request.seats), read_texts(path, most=MOST), request.all_stacks)
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
