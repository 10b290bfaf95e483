"""Joins the calls of threads that wait at the same time into one computation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Batching(Generic[A, B]):
    """A function of one item, computed for all threads at once that call it while it is busy.

    `compute` maps n items to n results. It is called by one thread of its own: each thread that computes with torch
    keeps threads of OpenMP, and a crowd's would take the cores from one another. A call is computed at once when no
    other is. Calls that come meanwhile wait, and the next computation answers them all, `limit` at most, the earliest
    first; nobody waits for others to come. Where a computation of several items fails, each is computed alone, so that
    no caller meets another one's error.
    """

    def __init__(self, compute: Callable[[Sequence[A]], Sequence[B]], limit: int = 64) -> None:
        self._compute = compute
        self._limit = limit
        self._waiting: list[tuple[A, Future[B]]] = []
        self._busy = False  # whether the thread computes, or has been told to
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batching")

    @property
    def waiting(self) -> int:
        """Number of calls that nobody computes yet."""
        return len(self._waiting)

    def __call__(self, item: A) -> B:
        """The result for one item. Raises what `compute` raises for it."""
        result: Future[B] = Future()
        with self._lock:
            self._waiting.append((item, result))
            idle, self._busy = not self._busy, True
        if idle:
            self._thread.submit(self._answer_all)
        return result.result()

    def _answer_all(self) -> None:
        """Answers batch after batch until nobody waits."""
        while calls := self._take():
            self._answer(calls)

    def _take(self) -> "list[tuple[A, Future[B]]]":
        with self._lock:
            taken, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            self._busy = bool(taken)
        return taken

    def _answer(self, calls: "Sequence[tuple[A, Future[B]]]") -> None:
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
