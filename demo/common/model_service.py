"""Services of the tasks whose seats take turns in one large model, on this machine or on a ZeroGPU Space."""

import threading
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from safeclip.profiles import Seat
from safeclip.shared_model import SharedModel

from .service import Answers, R, S, TaskService
from .zero_gpu import on_zero_gpu, uses_zero_gpu

if TYPE_CHECKING:
    from .context import PageContext


class ModelService(TaskService[R, S]):
    """Streams the comparisons of a `SharedModel`; on a ZeroGPU, computes the finished comparison in one call."""

    announces_queue: ClassVar[bool] = False

    def __init__(self, context: "PageContext", *, precomputed: Answers | None = None) -> None:
        super().__init__(context, precomputed=precomputed)
        self._compare_on_gpu = on_zero_gpu(self.gpu_seconds)(self.compare)

    @property
    @abstractmethod
    def model(self) -> SharedModel[Any, Any]:
        """The model that the seats share."""

    @abstractmethod
    def arguments(self, request: R, image: Image.Image | None) -> dict[str, Any]:
        """The keyword arguments of `stream`, `compare` and `gpu_seconds` for a checked request."""

    @abstractmethod
    def stream(self, *, stop: threading.Event, **arguments: Any) -> Iterator[Any]:
        """The comparisons of a request up to the finished one. Checks the arguments before the first is asked for."""

    @abstractmethod
    def compare(self, **arguments: Any) -> Any:
        """The finished comparison, not judged where judging needs what no other process has."""

    @abstractmethod
    def gpu_seconds(self, **arguments: Any) -> int:
        """For how many seconds `compare` needs a GPU."""

    def judged(self, comparison: Any) -> Any:
        """A comparison computed by `compare` with its scores."""
        return comparison

    @property
    def seats(self) -> Mapping[str, Seat]:
        return self.model.seats

    @property
    def stoppable(self) -> bool:
        return not uses_zero_gpu(self.model.spec)

    def columns(self, request: Any) -> list[str]:
        """The keys of the seats that are compared, the reference first."""
        return [self.model.reference, *request.seats]

    def compute(self, state: S, image: Image.Image | None, stop: threading.Event) -> Iterator[S]:
        started = time.perf_counter()
        arguments = self.arguments(state.request, image)
        comparisons = self.stream(**arguments, stop=stop)
        if not self.stoppable:
            comparisons = self._on_gpu(arguments, self.columns(state.request))
        if self.announces_queue or not self.stoppable or not self.model.loaded:
            yield state
        for comparison in comparisons:
            stopped = getattr(comparison, "stopped", stop.is_set())
            seconds = time.perf_counter() - started
            yield self.completed(replace(state, comparison=comparison, stopped=stopped, seconds=seconds))

    def _on_gpu(self, arguments: dict[str, Any], seats: list[str]) -> Iterator[Any]:
        """The finished comparison alone. Judges stay in this process: their sessions do not outlive a fork."""
        self.model.load(seats)
        yield self.judged(self._compare_on_gpu(**arguments))
