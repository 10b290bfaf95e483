"""Results of a pool of threads or processes, in the order of what it is given, with few of them in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_order(
    pool: Executor, function: Callable[[Given], Result], given: Iterable[Given], ahead: int
) -> Iterator[Result]:
    """The function's results in the order of what is given, of which at most `ahead` wait beside the first."""
    waiting: deque[Future[Result]] = deque()
    try:
        for each in given:
            waiting.append(pool.submit(function, each))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:  # somebody has stopped: the pool still finishes what it is at, but begins nothing more
            future.cancel()
