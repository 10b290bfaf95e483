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
    and the next computation answers them all, `limit` at most, the earliest first; nobody waits for others to come.
    Where a computation of several items fails, each is computed alone, so that no caller meets another one's error.
    """

    def __init__(self, compute: Callable[[Sequence[A]], Sequence[B]], limit: int = 64) -> None:
        self._compute = compute
        self._limit = limit
        self._waiting: list[_Call[A, B]] = []
        self._busy = False  # whether a thread computes, or has been told to
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Number of calls that nobody computes yet."""
        return len(self._waiting)

    def __call__(self, item: A) -> B:
        """The result for one item. Raises what `compute` raises for it."""
        call = _Call[A, B](item)
        with self._lock:
            self._waiting.append(call)
            if not self._busy:
                self._busy = True
                call.turn.set()
        call.turn.wait()
        if not call.result.done():
            try:
                self._answer(self._take())
            finally:
                self._hand_on()
        return call.result.result()

    def _take(self) -> "list[_Call[A, B]]":
        with self._lock:
            taken, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
        return taken

    def _hand_on(self) -> None:
        """Tells the first of those who wait to compute; whoever computes is the first, and so answers its own call."""
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                self._waiting[0].turn.set()

    def _answer(self, calls: "Sequence[_Call[A, B]]") -> None:
        try:
            results = self._compute([call.item for call in calls])
        except BaseException as error:
            if len(calls) == 1:
                calls[0].fail(error)
            else:
                for call in calls:
                    self._answer([call])
            return
        for call, result in zip(calls, results, strict=True):
            call.end(result)


class _Call(Generic[A, B]):
    """A call that waits. Its thread sleeps until its `turn`: the result is there, or the thread is to compute it."""

    def __init__(self, item: A) -> None:
        self.item = item
        self.result: Future[B] = Future()
        self.turn = threading.Event()

    def end(self, result: B) -> None:
        self.result.set_result(result)
        self.turn.set()

    def fail(self, error: BaseException) -> None:
        self.result.set_exception(error)
        self.turn.set()
