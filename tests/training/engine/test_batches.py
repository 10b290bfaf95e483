import multiprocessing
import signal

import pytest

from training.engine.batches import numbered_batches


def ignored(number: int) -> dict[str, int | bool]:
    """The batch's number, and whether the process that makes it ignores each signal that ends a training."""
    return {"number": number} | {
        each.name: signal.getsignal(each) is signal.SIG_IGN for each in (signal.SIGINT, signal.SIGTERM)
    }


def test_workers_leave_signals_to_the_training_and_their_batches_come_in_order():
    made = list(numbered_batches(ignored, 3, 6, workers=2))
    assert made == [{"number": number, "SIGINT": True, "SIGTERM": True} for number in (3, 4, 5)]
    assert next(numbered_batches(ignored, 3, 4, workers=0))["number"] == 3


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
