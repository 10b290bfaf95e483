"""Work that is done before anybody asks, and leaves most of its time to whoever asks meanwhile."""

import itertools
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_REST = 1  # times as long as the work on one thing takes


def unhurried(things: Iterable[T], most: int) -> Iterator[T]:
    """The first `most` things, one by one, with a rest after the work on each."""
    for thing in itertools.islice(things, most):
        started = time.perf_counter()
        yield thing
        time.sleep(_REST * (time.perf_counter() - started))
