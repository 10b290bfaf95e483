"""Services answer the requests of a task from precomputed answers, from a cache or by its models."""

import logging
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from PIL import Image

from safeclip.errors import QueryError, RefusedError, SafeClipError
from safeclip.paths import root
from safeclip.profiles import Seat
from safeclip.runtime.recently_used import RecentlyUsed

from .request_codec import Request, SeatKeys, fields_of
from .traffic.running_answers import RunningAnswers
from .traffic.shared_answers import SharedAnswers

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Item

    from .context import PageContext

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Request)

SERVER_ERROR = "Something went wrong on the server, and its log says what. Try something else."

QUEUE_FULL = "Too many questions are waiting already, so yours was not taken. Ask again in a minute."

SILENT = "The server did not answer, and the question is lost. Ask again in a minute."

ENDING = "The server is shutting down, and the answer was not finished. Ask again in a minute."

_SIDE_BY_SIDE = 2  # seats that are shown beside the reference unless others are chosen


@dataclass(frozen=True)
class TaskState(Generic[R]):
    """State of the answer to one request at one moment; a task adds the fields that its view needs.

    `comparison` maps seats to results and is None until there are some. `error` alone is set when nothing could be
    answered; `refused` says that it is the text of a policy that forbids the request. A `precomputed` comparison was
    computed before the page was built; others took `seconds`. A `stopped` one was ended by the visitor.
    """

    request: R
    comparison: Any = None
    _: KW_ONLY
    error: str = ""
    refused: bool = False
    precomputed: bool = False
    stopped: bool = False
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return bool(self.error) or (self.comparison is not None and getattr(self.comparison, "done", True))

    def answer(self) -> Any:
        """The answer as plain JSON values; {} where there is none."""
        return {} if self.comparison is None else self.comparison.to_dict()

    @property
    def repeatable(self) -> bool:
        """Whether the same request would be answered the same again: every seat has answered, and to the end."""
        if not self.done or self.error or self.stopped:
            return False
        return all(getattr(result, "error", None) is None for result in self.comparison.values())


S = TypeVar("S", bound=TaskState[Any])


class Answers(Protocol):
    """Precomputed answers of a task."""

    def find(self, request: Any) -> Any:
        """The comparison that answers a checked request, or None."""


class TaskService(ABC, Generic[R, S]):
    """Answers one task's requests. Safe to call from several threads.

    A request is checked, then looked up among the precomputed answers and the latest ones, and computed last.
    """

    name: ClassVar[str]
    request_type: type[R]
    state_type: type[S]
    cached: ClassVar[bool] = True
    stepwise: bool = True  # whether an answer is shown while it is computed; else it is one state, in no time
    shared: ClassVar[bool] = False  # whether a page that is loaded again goes on with the answer that is computed
    batch_size: ClassVar[int] = 1  # requests that are computed together, and so leave the queue together

    def __init__(self, context: "PageContext", *, precomputed: Answers | None = None) -> None:
        self.lab = context.lab
        self.precomputed = precomputed
        self.fingerprint = context.fingerprint
        self.rate_limit = context.rate_limit
        self.concurrency = max(self.batch_size, context.settings.concurrency)
        self._gallery = context.gallery
        self.running = RunningAnswers()
        self._followed = SharedAnswers()
        self._cache: RecentlyUsed[S] = RecentlyUsed(context.settings.cache_size if self.cached else 0)

    @property
    def seats(self) -> Mapping[str, Seat]:
        """Seat key → seat, the reference first."""
        return {seat.key: seat for seat in self.lab.profile.seats}

    @property
    def default(self) -> R:
        """An empty request with the options of the profile."""
        fields = fields_of(self.request_type)
        seats = default_seats(self.seats)
        return self.request_type(**{name: seats for name, field in fields.items() if isinstance(field, SeatKeys)})

    @property
    def stoppable(self) -> bool:
        """Whether an answer can be ended while it is computed."""
        return False

    def checked(self, request: R) -> R:
        """The request as the library takes it, whatever its values are. Raises QueryError."""
        return request.checked(self.default, self.seats)

    def states(self, request: R, upload: Image.Image | None = None, stop: threading.Event | None = None) -> Iterator[S]:
        """The states of an answer up to the finished one. Never raises, whatever the request holds.

        `upload` is the image that the request names as uploaded. Setting `stop` ends a stoppable answer.
        """
        shown = self.default  # until the request is known to be one
        try:
            shown = self.checked(request)
            yield from self._states(shown, upload, stop)
        except RefusedError as error:
            yield self._logged(self.failed(shown, str(error), refused=True))
        except SafeClipError as error:
            yield self._logged(self.failed(shown, plain(str(error))))
        except Exception as error:  # a fault of the code must not end the page, and its message may hold private words
            log_failure(self.name, shown, error)
            yield self.failed(shown, SERVER_ERROR)

    def states_or_raise(
        self, request: R, upload: Image.Image | None = None, stop: threading.Event | None = None
    ) -> Iterator[S]:
        """As `states`, but raises SafeClipError."""
        yield from self._states(self.checked(request), upload, stop)

    def answer(self, request: R, upload: Image.Image | None = None) -> S:
        """The finished state. Never raises."""
        *_, last = self.states(request, upload)
        return last

    def answer_or_raise(self, request: R, upload: Image.Image | None = None) -> S:
        """As `answer`, but raises SafeClipError; an answer that the end of the page cut short says so."""
        stop = threading.Event()
        with self.running.one(stop):
            *_, last = self.states_or_raise(request, upload, stop)
        if last.stopped:
            raise QueryError(ENDING)
        return last

    def find_precomputed(self, request: R) -> S | None:
        """The finished state of a checked request whose answer is precomputed, else None."""
        found = self.precomputed.find(request) if self.precomputed is not None else None
        if found is None:
            return None
        state, _ = self.begin(request, None)
        return self.completed(replace(state, comparison=found, precomputed=True))

    def find_ready(self, request: R) -> S | None:
        """The finished state of a request, whatever it holds, that nothing has to be computed for, else None."""
        try:
            checked = self.checked(request)
            return self.find_precomputed(checked) or self._cache.find(checked)
        except SafeClipError:  # whoever computes the answer says so
            return None

    def prepare(self, requests: Iterable[R]) -> None:
        """Answers the requests, so that they are at hand when they are asked."""
        for request in requests:
            if self.find_ready(request) is None:
                self.answer(request)

    def forget(self) -> None:
        """Forgets the latest answers, because the gallery has grown."""
        self._cache.clear()

    def failed(self, request: R, message: str, *, refused: bool = False) -> S:
        """The state of a request that failed as a whole."""
        return self.state_type(request, error=message, refused=refused)

    def waiting(self, request: R) -> S:
        """The state of a request that has no answer yet."""
        return self.state_type(request)

    def begin(self, request: R, upload: Image.Image | None) -> tuple[S, Image.Image | None]:
        """The first state of a checked request, and the image that it is about. Raises QueryError."""
        return self.waiting(request), upload

    def completed(self, state: S) -> S:
        """Adds to a state the fields that depend on its finished comparison."""
        return state

    @abstractmethod
    def compute(self, state: S, image: Image.Image | None, stop: threading.Event) -> Iterator[S]:
        """The states that follow the first one, computed by the task's models. Raises SafeClipError."""

    def requested_image(self, request: Any, upload: Image.Image | None) -> "tuple[Item | None, Image.Image | None]":
        """The gallery item that a request names, and its image or the uploaded one. Raises QueryError."""
        if request.upload and upload is None:
            raise QueryError("The uploaded picture did not arrive. Upload it again.")
        if not request.item:
            return None, upload
        if self._gallery is None:
            raise QueryError(f"This page has no gallery, and so no picture “{request.item}”. Add one of yours.")
        if request.item not in self._gallery:
            raise QueryError(
                f"The gallery has no picture “{request.item}”: the link may come from another gallery. "
                "Pick a picture from this one."
            )
        return self._gallery.item(request.item), self._gallery.image(request.item)

    def _states(self, request: R, upload: Image.Image | None, stop: threading.Event | None) -> Iterator[S]:
        found = self.find_precomputed(request) or self._cache.find(request)
        if found is not None:
            yield self._logged(found, kept=True)
            return
        last, image = self.begin(request, upload)
        ended = stop or threading.Event()
        compute = partial(self.compute, last, image)
        shared = self.shared and self.stoppable
        for state in self._followed.follow(request, compute, ended) if shared else compute(ended):
            yield state
            last = state
        self._logged(last)
        if last.repeatable:
            self._cache.put(request, last)

    def _logged(self, state: S, *, kept: bool = False) -> S:
        """Logs how a request was answered, without its words. `kept` says that nothing had to be computed."""
        outcome = "refused" if state.refused else "error" if state.error else "stopped" if state.stopped else "done"
        fields = {"task": self.name, "outcome": outcome, "kept": kept, "seconds": round(state.seconds, 4)}
        log.info("answer", extra={"fields": fields | {"options": state.request.without_texts()}})
        return state


def default_seats(seats: Iterable[str]) -> tuple[str, ...]:
    """The columns shown beside the reference unless asked otherwise: the next two of the profile."""
    return tuple(seats)[1 : 1 + _SIDE_BY_SIDE]


def plain(message: str) -> str:
    """A message without the server's folders in it."""
    return message.replace(f"{root()}/", "")


def log_failure(task: str, request: Request, error: Exception) -> None:
    """Logs where an unexpected error was raised and with which options.

    The message of the error and the texts of the request stay out of the log: they may be a visitor's own words.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s failed with %s; options: %s\n%s", task, type(error).__name__, request.without_texts(), frames)
