"""The runs of all sessions: each has one at a time, and a new one ends the one before it."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

_SESSIONS = 1000  # the latest runs that are remembered; a session long gone keeps none


@dataclass
class Run:
    """One answer that is being computed. `stop` ends it; `ticket` names it while it waits for its turn.

    A `linked` run is that of an address, whose request is drawn before the run begins.
    """

    ticket: str = field(default_factory=lambda: secrets.token_hex(8))
    stop: threading.Event = field(default_factory=threading.Event)
    begun: bool = False
    linked: bool = False


class SessionRuns:
    """The latest run of each session. Safe to call from several threads."""

    def __init__(self) -> None:
        self._latest: dict[str, Run] = {}
        self._met: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, session: str | None, *, linked: bool = False) -> Run:
        """A new run; the session's run before it, if there still is one, ends."""
        self.abandon(session)
        self.meets(session)
        run = Run(linked=linked)
        with self._lock:
            self._latest[session or ""] = run
            while len(self._latest) > _SESSIONS:
                del self._latest[next(iter(self._latest))]
        return run

    def meets(self, session: str | None) -> bool:
        """Whether this is the first that is heard of a session; runs are heard of too."""
        with self._lock:
            is_new = (session or "") not in self._met
            self._met[session or ""] = None
            while len(self._met) > _SESSIONS:
                self._met.popitem(last=False)
            return is_new

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
        """End the session's run at its next step. Its last state is still shown."""
        with self._lock:
            run = self._latest.get(session or "")
        if run is not None:
            run.stop.set()

    def abandon(self, session: str | None) -> None:
        """End the session's run at its next step, and show nothing more of it."""
        with self._lock:
            run = self._latest.pop(session or "", None)
        if run is not None:
            run.stop.set()
