"""Work in a thread of its own, told state by state to whoever iterates."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Protocol, TypeVar


class StreamedState(Protocol):
    """What work tells of itself; after the one that is `done` nothing comes."""

    @property
    def done(self) -> bool: ...


S = TypeVar("S", bound=StreamedState)


def stream_states(name: str, work: Callable[[Callable[[S], None]], S], stop: threading.Event) -> Iterator[S]:
    """Run `work` in a thread called `name`: what it hands to its argument comes first, what it returns last.

    What it raises is raised here. Closing the iterator sets `stop`, which `work` is to heed.
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
