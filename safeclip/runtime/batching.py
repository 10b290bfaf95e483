"""Joins the calls of threads that wait at the same time into one computation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Batching(Generic[A, B]):
    """A function of one item, computed for all threads at once that call it while it is busy.

    `compute` maps n items to n results. A call computes at once when nobody else does. Calls that come meanwhile wait,
    and the next computation answers them all, `limit` at most; nobody waits for others to come. Where a computation of
    several items fails, each is computed alone, so that no caller meets another one's error.
    """

    def __init__(self, compute: Callable[[Sequence[A]], Sequence[B]], limit: int = 64) -> None:
        self._compute = compute
        self._limit = limit
        self._waiting: list[tuple[A, Future[B]]] = []
        self._lock = threading.Lock()  # of `_waiting`
        self._turn = threading.Lock()  # whoever holds it computes

    @property
    def waiting(self) -> int:
        """Number of calls that nobody computes yet."""
        return len(self._waiting)

    def __call__(self, item: A) -> B:
        """The result for one item. Raises what `compute` raises for it."""
        result: Future[B] = Future()
        with self._lock:
            self._waiting.append((item, result))
        with self._turn:
            while not result.done():  # another thread may have computed it
                self._answer(self._take())
        return result.result()

    def _take(self) -> list[tuple[A, "Future[B]"]]:
        with self._lock:
            taken, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        return taken

    def _answer(self, calls: Sequence[tuple[A, "Future[B]"]]) -> None:
        try:
            results = self._compute([item for item, _ in calls])
        except BaseException as error:
            if len(calls) == 1:
                calls[0][1].set_exception(error)
            else:
                for call in calls:
                    self._answer([call])
            return
        for (_, future), result in zip(calls, results, strict=True):
            future.set_result(result)
