"""Answers that several ask for at once, or again: computed once, seen by all."""

import threading
from collections.abc import Iterator

import pytest

from demo.common.traffic.shared_answers import SharedAnswers


class Slow:
    """Counts to three, a step whenever the test allows one."""

    def __init__(self) -> None:
        self.begun = 0
        self.steps = threading.Semaphore(0)
        self.stopped = threading.Event()

    def __call__(self, stop: threading.Event) -> Iterator[int]:
        self.begun += 1
        for number in (1, 2, 3):
            while not self.steps.acquire(timeout=0.02):
                if stop.is_set():
                    self.stopped.set()
                    return
            yield number


@pytest.fixture
def slow():
    return Slow()


def test_who_comes_back_sees_the_same_computation_go_on(slow):
    answers = SharedAnswers(grace=30)
    first = answers.follow("q", slow, threading.Event())
    slow.steps.release()
    assert next(first) == 1
    first.close()  # the page is loaded again
    second = answers.follow("q", slow, threading.Event())
    assert next(second) == 1
    slow.steps.release(2)
    assert list(second)[-1] == 3 and slow.begun == 1


def test_an_answer_that_nobody_follows_ends_after_its_grace(slow):
    answers = SharedAnswers(grace=0.01)
    follower = answers.follow("q", slow, threading.Event())
    slow.steps.release()
    next(follower)
    follower.close()
    assert slow.stopped.wait(30)


def test_stopping_ends_an_answer_that_is_ones_own(slow):
    stop = threading.Event()
    follower = SharedAnswers().follow("q", slow, stop)
    slow.steps.release()
    assert next(follower) == 1
    stop.set()
    assert list(follower) == [] and slow.stopped.is_set()


def test_an_answer_ends_when_all_who_follow_it_want_it_to(slow):
    answers, stops = SharedAnswers(), [threading.Event(), threading.Event()]
    followers = [answers.follow("q", slow, stop) for stop in stops]
    slow.steps.release()
    assert [next(follower) for follower in followers] == [1, 1]
    stops[0].set()
    assert not slow.stopped.wait(0.2)
    stops[1].set()
    assert [list(follower) for follower in followers] == [[], []] and slow.stopped.is_set()


def test_an_error_is_raised_to_its_followers_and_the_next_begins_anew(slow):
    def fails(stop: threading.Event) -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    answers = SharedAnswers()
    with pytest.raises(ValueError, match="broken"):
        list(answers.follow("q", fails, threading.Event()))
    slow.steps.release(3)
    assert list(answers.follow("q", slow, threading.Event()))[-1] == 3
