"""Borrowing a GPU, with a stand-in for the package `spaces` that is only on a Space."""

import sys
from types import SimpleNamespace

import pytest

from demo.lending import lend, token_seconds


@pytest.fixture
def borrowed(monkeypatch):
    """What was asked of `spaces.GPU`."""
    asked = []

    def gpu(duration):
        def decorate(fn):
            def call(*args, **kwargs):
                asked.append(duration(*args, **kwargs) if callable(duration) else duration)
                return fn(*args, **kwargs)

            return call

        return decorate

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    return asked


def answer(max_new_tokens):
    """An answer."""
    return "x" * max_new_tokens


def test_elsewhere_nothing_happens(borrowed):
    assert lend(10)(answer) is answer


def test_a_space_is_asked_for_as_long_as_the_call_takes(borrowed, monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    lent = lend(token_seconds)(answer)
    assert lent(max_new_tokens=100) == answer(100)
    assert lend(7)(answer)(3) == "xxx"
    assert borrowed == [10, 7]
    assert (lent.__name__, lent.__doc__) == ("answer", "An answer.")


def test_a_space_without_the_package_says_so_and_goes_on(monkeypatch, caplog):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert lend(10)(answer) is answer
    assert "answer runs on the CPU" in caplog.text


def test_durations_grow_with_the_tokens_and_end():
    assert token_seconds(16) < token_seconds(128) < token_seconds(512) <= token_seconds(100_000) == 120
