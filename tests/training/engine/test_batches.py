import signal

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
