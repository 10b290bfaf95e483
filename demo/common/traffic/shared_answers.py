"""Answers that are being computed, shared by all who ask the same: a page that is loaded again goes on where it was."""

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

S = TypeVar("S")

GRACE = 10.0  # seconds that an answer which nobody follows any more goes on: a page may be loading again


class SharedAnswer(Generic[S]):
    """One answer, computed in a thread of its own; any number of followers see its states, from the latest one on."""

    def __init__(self, compute: Callable[[threading.Event], Iterator[S]], grace: float) -> None:
        self.stop = threading.Event()
        self._grace = grace
        self._changed = threading.Condition()
        self._states: list[S] = []
        self._error: BaseException | None = None
        self._ended = False
        self._followers: list[threading.Event] = []  # what each would set to end it
        threading.Thread(target=self._run, args=(compute,), daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether no state will come any more."""
        return self._ended

    def follow(self, stop: threading.Event) -> Iterator[S]:
        """The states from the latest one on. Setting `stop` ends the answer once all who follow it have set theirs.

        Raises what the computation raised. Whoever stops following leaves the answer to the others.
        """
        with self._changed:
            self._followers.append(stop)
            seen = max(0, len(self._states) - 1)
        try:
            while True:
                with self._changed:
                    while len(self._states) == seen and not self._ended:
                        self._changed.wait(0.05)
                        if all(each.is_set() for each in self._followers):
                            self.stop.set()
                    new = self._states[seen:]
                    seen += len(new)
                yield from new
                if self._ended and len(self._states) == seen:
                    break
        finally:
            self._leave(stop)
        if self._error is not None:
            raise self._error

    def _leave(self, stop: threading.Event) -> None:
        with self._changed:
            self._followers.remove(stop)
            left = not self._followers and not self._ended
        if left:
            timer = threading.Timer(self._grace, self._stop_unless_followed)
            timer.daemon = True
            timer.start()

    def _stop_unless_followed(self) -> None:
        with self._changed:
            if not self._followers:
                self.stop.set()

    def _run(self, compute: Callable[[threading.Event], Iterator[S]]) -> None:
        try:
            for state in compute(self.stop):
                with self._changed:
                    self._states.append(state)
                    self._changed.notify_all()
        except BaseException as error:  # for whoever follows
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


class SharedAnswers:
    """The answers that are being computed, by what was asked. Safe to call from several threads."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._running: dict[Hashable, SharedAnswer[Any]] = {}
        self._lock = threading.Lock()

    def follow(
        self, key: Hashable, compute: Callable[[threading.Event], Iterator[S]], stop: threading.Event
    ) -> Iterator[S]:
        """Follows the answer to `key`, which is begun with `compute` where nobody computes it yet or it is ending."""
        with self._lock:
            answer = self._running.get(key)
            if answer is None or answer.ended or answer.stop.is_set():
                answer = self._running[key] = SharedAnswer(compute, self._grace)
            for other in [other for other, each in self._running.items() if each.ended]:
                del self._running[other]
        yield from answer.follow(stop)
