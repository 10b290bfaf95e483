"""What runs for whom: every session has one run at a time, and a new one ends the one before it."""

import secrets
import threading
from dataclasses import dataclass, field

_SESSIONS = 1000  # of sessions long gone nothing is kept


@dataclass(frozen=True)
class Run:
    """One answer in the making. `stop` ends it; `ticket` names it where it has to wait for its turn."""

    ticket: str = field(default_factory=lambda: secrets.token_hex(8))
    stop: threading.Event = field(default_factory=threading.Event)


class SessionRuns:
    """The latest run of every session. Safe to call from several threads."""

    def __init__(self) -> None:
        self._latest: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, session: str | None) -> Run:
        """A new run; the session's run before it, if there still is one, ends."""
        self.leave(session)
        run = Run()
        with self._lock:
            self._latest[session or ""] = run
            while len(self._latest) > _SESSIONS:
                del self._latest[next(iter(self._latest))]
        return run

    def get(self, session: str | None, ticket: str) -> Run | None:
        """The run of this ticket, unless the session has gone on to another."""
        with self._lock:
            run = self._latest.get(session or "")
        return run if run is not None and run.ticket == ticket else None

    def stop(self, session: str | None) -> None:
        """End the session's run at its next step. It may still say how far it came."""
        with self._lock:
            run = self._latest.get(session or "")
        if run is not None:
            run.stop.set()

    def leave(self, session: str | None) -> None:
        """As `stop`, and nobody waits for it any more."""
        with self._lock:
            run = self._latest.pop(session or "", None)
        if run is not None:
            run.stop.set()
