"""The answers that are being computed, for the page to end when it ends itself."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class RunningAnswers:
    """Stops of the answers that are being computed, of a tab's visitors and of programs. Safe to use from threads."""

    def __init__(self) -> None:
        self._stops: list[threading.Event] = []
        self._changed = threading.Condition()
        self._ending = False

    @contextmanager
    def one(self, stop: threading.Event) -> Iterator[None]:
        """Counts an answer while it is computed and sent; `stop` is set when all have to end, or have had to."""
        with self._changed:
            self._stops.append(stop)
            if self._ending:
                stop.set()
        try:
            yield
        finally:
            with self._changed:
                self._stops.remove(stop)
                self._changed.notify_all()

    def stop_all(self, seconds: float) -> bool:
        """Ends all answers at their next step, those to come too. Returns whether all ended within `seconds`."""
        until = time.monotonic() + seconds
        with self._changed:
            self._ending = True
            for stop in self._stops:
                stop.set()
            return self._changed.wait_for(lambda: not self._stops, max(0.0, until - time.monotonic()))
