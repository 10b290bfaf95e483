"""The service of the red team: trials of one text or picture, or of a file of texts."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.errors import QueryError
from safeclip.failures.texts import read_texts
from safeclip.redteam.batch import MOST, Batch, Results, ResultsInMemory, unsafe_ones
from safeclip.redteam.perturbations import Words
from safeclip.redteam.pictures import PictureRedTeam
from safeclip.redteam.trials import TASKS, RedTeam, Trial
from safeclip.runtime.recently_used import RecentlyUsed

from ..common.blur_policy import thumbnail_uri
from ..common.service import TaskService, TaskState
from ..common.zero_gpu import uses_zero_gpu
from .request import RedTeamRequest

if TYPE_CHECKING:
    from safeclip.profiles import Seat
    from safeclip.retrieval.gallery import Item

    from ..common.context import PageContext

_REMEMBERED = 8  # unfinished batches that can be resumed


@dataclass(frozen=True)
class RedTeamState(TaskState[RedTeamRequest]):
    """State of a request; `comparison` are its trials, what is perturbed as it is first.

    `whole` says that all were tried. A picture is the gallery's `item`, or an uploaded one with the `data:` URI
    `thumbnail`.
    """

    comparison: tuple[Trial, ...] | None = None
    whole: bool = False
    item: "Item | None" = None
    thumbnail: str = ""

    @property
    def done(self) -> bool:
        return bool(self.error) or self.whole or self.stopped

    def answer(self) -> list[dict[str, Any]]:
        return [trial.to_dict() for trial in self.comparison or ()]

    @property
    def repeatable(self) -> bool:
        return self.whole and not self.error and not any(trial.errors for trial in self.comparison or ())


class RedTeamService(TaskService[RedTeamRequest, RedTeamState]):
    """Perturbs a text and searches or paints, or a picture and captions."""

    name = "redteam"
    request_type = RedTeamRequest
    state_type = RedTeamState

    def __init__(self, context: "PageContext") -> None:
        super().__init__(context)
        self._blur_policy = context.blur_policy
        self._batches: RecentlyUsed[ResultsInMemory] = RecentlyUsed(_REMEMBERED)  # by the fingerprint of a batch

    def checked(self, request: RedTeamRequest) -> RedTeamRequest:
        checked = super().checked(request)
        _ = checked.all_stacks  # raises QueryError for a perturbation that there is not
        if checked.of_picture and not self.captions:
            raise QueryError("This page cannot try pictures, as it has no model that captions them at any time.")
        if checked.task not in self.tasks:
            raise QueryError(f"This page cannot try texts on the task “{checked.task}”.")
        return checked

    @property
    def stoppable(self) -> bool:
        return len(self.tasks) > 1 or self.captions  # a search is over before it could be stopped

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that texts can be given to here; a borrowed GPU is lent for an answer, not for a row of them."""
        spec = self.lab.profile.generation
        paints = spec is not None and not uses_zero_gpu(spec)
        return tuple(task for task in TASKS if task != "generation" or paints)

    @cached_property
    def captions(self) -> bool:
        """Whether pictures can be captioned here, on the same condition as texts are painted."""
        spec = self.lab.profile.captioning
        return spec is not None and not uses_zero_gpu(spec)

    def begin(self, request: RedTeamRequest, upload: Image.Image | None) -> tuple[RedTeamState, Image.Image | None]:
        item, image = self.requested_image(request, upload)
        thumbnail = thumbnail_uri(image) if image is not None and item is None else ""
        return RedTeamState(request, item=item, thumbnail=thumbnail), image

    def compute(self, state: RedTeamState, image: Image.Image | None, stop: threading.Event) -> Iterator[RedTeamState]:
        started = time.perf_counter()
        last = state
        for trials in self._progress(state, image, stop):
            last = replace(state, comparison=tuple(trials), seconds=time.perf_counter() - started)
            yield last
        yield replace(last, whole=not stop.is_set(), stopped=stop.is_set())

    def _progress(self, state: RedTeamState, image: Image.Image | None, stop: threading.Event) -> Iterator[list[Trial]]:
        """The trials of a request as they become known. Copies of a picture are blurred where the gallery's is."""
        request = state.request
        if image is None:
            return self.team(request).progress(request.text, request.all_stacks, stop)
        words = replace(self._words, written=request.word)
        team = PictureRedTeam(self.lab, words, self._asked(request, self.lab.captioning.seats))
        hidden = state.item is not None and self._blur_policy.hides(state.item)
        return team.progress(image, request.all_stacks, stop, hidden=hidden)

    def team(self, request: RedTeamRequest) -> RedTeam:
        """The red team of the reference and the seats of a request, on its task."""
        seated = self.lab.generation.seats if request.task == "generation" else self.seats
        return RedTeam(self.lab, self._words, self._asked(request, seated), task=request.task)

    def _asked(self, request: RedTeamRequest, seated: "Mapping[str, Seat]") -> list[str]:
        """The reference and a request's seats, without those that a task with seats of its own does not seat."""
        return [key for key in (self.lab.encoders.reference, *request.seats) if key in seated]

    def run_file(self, path: Path, request: RedTeamRequest, stop: threading.Event) -> Iterator[tuple[Results, int]]:
        """Yields the results so far of the texts of a file, and how many there are.

        A batch that was stopped goes on from there when the same file comes again. Raises QueryError for a file that
        holds no unsafe texts, or more than `batch.MOST`.
        """
        texts = unsafe_ones(read_texts(path, most=MOST), "the file")
        batch = Batch(self.team(request), texts, request.all_stacks)
        for results in batch.run(self._batches.get(batch.fingerprint, ResultsInMemory), stop):
            yield results, len(batch)

    @cached_property
    def _words(self) -> Words:
        return Words.of(self.lab.profile)
