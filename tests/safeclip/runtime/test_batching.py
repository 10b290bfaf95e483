"""Calls that wait at the same time are computed together, each with its own result or error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from safeclip.runtime.batching import Batching


class Doubling:
    """Doubles numbers, fails for a negative one, and counts. The first computation waits until `go` is set."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, numbers):
        self.sizes.append(len(numbers))
        self.begun.set()
        assert self.go.wait(30)
        if min(numbers) < 0:
            raise ValueError(f"negative: {min(numbers)}")
        return [2 * number for number in numbers]


def ask_while_busy(doubling: Doubling, batching: Batching, numbers: list[int]) -> list:
    """The results, or errors, of numbers that are asked for while a first computation is under way."""

    def ask(number: int):
        try:
            return batching(number)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        first = pool.submit(ask, 100)
        assert doubling.begun.wait(30)
        others = [pool.submit(ask, number) for number in numbers]
        while batching.waiting < len(numbers):
            threading.Event().wait(0.001)
        doubling.go.set()
        assert first.result(30) == 200
        return [other.result(30) for other in others]


@pytest.mark.parametrize(("limit", "sizes"), [(64, [1, 7]), (3, [1, 3, 3, 1])])
def test_those_who_wait_are_answered_together(limit, sizes):
    doubling = Doubling()
    assert ask_while_busy(doubling, Batching(doubling, limit), list(range(7))) == [2 * n for n in range(7)]
    assert doubling.sizes == sizes


def test_an_error_is_only_for_whom_it_belongs_to():
    doubling = Doubling()
    assert ask_while_busy(doubling, Batching(doubling), [1, -1, 2]) == [2, "negative: -1", 4]
    assert doubling.sizes == [1, 3, 1, 1, 1]


def test_whoever_is_answered_does_not_wait_for_a_later_computation():
    doubling, free = Doubling(), threading.Event()

    def compute(numbers):
        if 7 in numbers:
            assert free.wait(30)
        return doubling(numbers)

    batching = Batching(compute, limit=2)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(batching, 1)]
        assert doubling.begun.wait(30)
        for waiting, number in enumerate([2, 3, 7], start=1):
            asked.append(pool.submit(batching, number))
            while batching.waiting < waiting:
                threading.Event().wait(0.001)
        doubling.go.set()
        assert [each.result(30) for each in asked[:3]] == [2, 4, 6] and not asked[3].done()
        free.set()
        assert asked[3].result(30) == 14 and doubling.sizes == [1, 2, 1]
