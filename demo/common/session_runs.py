"""The runs of all sessions: each has one at a time, and a new one ends the one before it."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

_SESSIONS = 1000  # the latest runs that are remembered; a session long gone keeps none


@dataclass
class Run:
    """One answer that is being computed. `stop` ends it; `ticket` names it while it waits in the queue.

    `turn` is the browser's number of what it answers. `values` are those of controls when it was begun: the run answers
    them, whatever the visitor has changed since. A `linked` run is that of a link: its request is drawn before the run
    begins.
    """

    turn: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    linked: bool = False
    ticket: str = field(default_factory=lambda: secrets.token_hex(8))
    stop: threading.Event = field(default_factory=threading.Event)
    begun: bool = False


class SessionRuns:
    """The latest run of each session. Safe to call from several threads.

    Requests of one browser may arrive in another order than they were made in. A browser therefore numbers what it
    begins, and what has a smaller number than the latest of its session comes to nothing.
    """

    def __init__(self) -> None:
        self._latest: dict[str, Run] = {}
        self._turns: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self, session: str | None, turn: int = 0, values: dict[str, Any] | None = None, *, linked: bool = False
    ) -> Run:
        """A new run; the session's run before it, if there still is one, ends. A late one never gets its turn."""
        run = Run(turn, values or {}, linked)
        self._go_on(session, turn, run)
        return run

    def turn_of(self, session: str | None) -> int:
        """The number of what the session's browser began last, for a run that nobody in front of it has begun."""
        with self._lock:
            return self._turns.get(session or "", 0)

    def take(self, session: str | None, ticket: object) -> Run | None:
        """The run of a ticket, once; None where it has begun before, or the session has gone on to another run."""
        with self._lock:
            run = self._latest.get(session or "")
            if run is None or run.ticket != ticket or run.begun:
                return None
            run.begun = True
            return run

    def is_latest(self, session: str | None, run: Run) -> bool:
        """Whether the session still waits for this run."""
        with self._lock:
            return self._latest.get(session or "") is run

    def stop(self, session: str | None) -> None:
        """Ends the session's run at its next step. Its last state is still shown."""
        with self._lock:
            run = self._latest.get(session or "")
        if run is not None:
            run.stop.set()

    def abandon(self, session: str | None, turn: int) -> bool:
        """Ends the session's run at its next step, and shows nothing more of it. Returns False where `turn` is late."""
        return self._go_on(session, turn, None)

    def _go_on(self, session: str | None, turn: int, run: Run | None) -> bool:
        """Ends the session's run and puts `run`, if any, in its place. For a late turn it only returns False."""
        key = session or ""
        with self._lock:
            if turn < self._turns.get(key, 0):
                return False
            self._turns[key] = turn
            self._turns.move_to_end(key)
            while len(self._turns) > _SESSIONS:
                self._turns.popitem(last=False)
            before = self._latest.pop(key, None)
            if run is not None:
                self._latest[key] = run
                while len(self._latest) > _SESSIONS:
                    del self._latest[next(iter(self._latest))]
        if before is not None:
            before.stop.set()
        return True
