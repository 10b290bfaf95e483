"""How often one session may ask."""

import pytest

from demo.common.traffic.rate_limit import RateLimit
from safeclip.errors import QueryError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_asks_so_many_times_and_then_waits():
    clock = Clock()
    limit = RateLimit(6, clock)
    for _ in range(6):
        limit.spend("a")
    with pytest.raises(QueryError, match=r"more than 6 questions in a minute. Wait 10 s"):
        limit.spend("a")
    limit.spend("b")  # another session is not concerned
    clock.now = 10
    limit.spend("a")
    with pytest.raises(QueryError):
        limit.spend("a")


def test_no_limit_is_no_limit():
    limit = RateLimit(0)
    for _ in range(1000):
        limit.spend("a")


def test_who_is_no_session_is_not_counted():
    limit = RateLimit(1)
    for _ in range(3):
        limit.spend(None)
