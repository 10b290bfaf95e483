"""Limits how often one session may ask: a visitor, or a program that calls an endpoint. Addresses are not looked at."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from safeclip.errors import QueryError

_SESSIONS = 10_000  # the latest ones that are remembered
_MINUTE = 60.0


class RateLimit:
    """A token bucket for each session: `per_minute` requests at once, refilled evenly. 0 is no limit. Thread-safe."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # session → tokens, when they were counted
        self._lock = threading.Lock()

    def spend(self, session: str | None) -> None:
        """Counts one request. Raises QueryError, with the seconds to wait, for a session that asks too often."""
        if not self.per_minute or session is None:
            return
        now, rate = self._clock(), self.per_minute / _MINUTE
        with self._lock:
            tokens, then = self._buckets.pop(session, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - then) * rate)
            self._buckets[session] = (tokens - 1 if tokens >= 1 else tokens, now)
            while len(self._buckets) > _SESSIONS:
                self._buckets.popitem(last=False)
        if tokens < 1:
            wait = max(1, round((1 - tokens) / rate))
            raise QueryError(f"That is more than {self.per_minute} questions in a minute. Wait {wait} s and ask again.")
