import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from training.engine.batches import numbered_batches
from training.errors import DataError


def outlasting(number: int) -> int:
    """The batch's number, if the process that makes it outlasts each signal that ends a training."""
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), each)
        time.sleep(0.01)
    return number


def test_workers_leave_signals_to_the_training_and_their_batches_come_in_order():
    assert list(numbered_batches(outlasting, 3, 6, workers=2)) == [3, 4, 5]
    assert next(numbered_batches(lambda number: number, 3, 4, workers=0)) == 3


def test_what_a_worker_raises_is_raised_as_it_is():
    def without(number: int) -> int:
        if number == 2:
            raise DataError("row 2 is gone")
        return number

    for workers in (0, 1):
        batches = numbered_batches(without, 0, 9, workers)
        assert [next(batches), next(batches)] == [0, 1]
        with pytest.raises(DataError) as caught:
            next(batches)
        assert str(caught.value) == "row 2 is gone"


def test_a_process_ends_after_an_error_whatever_its_workers_do():
    """The error's traceback holds the batches, so that their workers are alive while Python exits."""
    script = """
from training.engine.batches import numbered_batches
for batch in numbered_batches(lambda number: 1 // (5 - number), 0, 1000, workers=2):
    pass
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and ended.stderr.count("ZeroDivisionError") == 2  # its own line, and the worker's note
    assert ended.stderr.count("in <lambda>") == 1  # where, in the worker


@pytest.fixture
def spawning():
    """Python as it starts processes on a Mac, and from 3.14 on not by forking either."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_what_no_other_process_can_be_sent_is_prepared_all_the_same(system, spawning, monkeypatch):
    monkeypatch.setattr("sys.platform", system)
    assert list(numbered_batches(lambda number: 2 * number, 0, 3, workers=1)) == [0, 2, 4]
