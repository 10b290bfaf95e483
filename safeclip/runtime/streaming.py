"""Runs work in a thread of its own and yields its states to the caller that iterates."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Protocol, TypeVar


class StreamedState(Protocol):
    """One state of the work; the one that is `done` is the last."""

    @property
    def done(self) -> bool: ...


S = TypeVar("S", bound=StreamedState)


def stream_states(name: str, work: Callable[[Callable[[S], None]], S], stop: threading.Event) -> Iterator[S]:
    """Runs `work` in a thread called `name` and yields the states that it passes to its argument, then its result.

    An exception of `work` is raised here. Closing the iterator sets `stop`, which `work` should check.
    """
    states: SimpleQueue[S | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            states.put(work(states.put))
        except BaseException as error:  # handed to the thread that reads
            states.put(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        done = False
        while not done:
            state = states.get()
            if isinstance(state, BaseException):
                raise state
            done = state.done
            yield state
    finally:
        stop.set()
