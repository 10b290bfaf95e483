import json
import signal

import pytest
import torch

from safeclip.errors import CheckpointError
from training.engine.checkpoints import load_state, save_state
from training.engine.loop import Pace, Schedule, run
from training.engine.selection import Selection
from training.errors import DivergedError

STATE = {"step": 1, "trainable": {}, "complete": False}


class Sum:
    """Adds up batch numbers and random numbers: equal sums mean equal histories."""

    def __init__(self, stop_at: int | None = None):
        self.total, self.seen, self.validated, self._stop_at = 0.0, [], [], stop_at

    def batches(self, first, last):
        yield from range(first, last)

    def step(self, step, batch, learning_rate):
        assert step == batch
        self.seen.append(step)
        self.total += learning_rate * (batch + torch.rand(()).item())
        return {"total": self.total}

    def validate(self, step):
        self.validated.append(step)
        return {"step": float(step)}, step == self._stop_at

    def state_dict(self):
        return {"total": torch.tensor(self.total, dtype=torch.float64)}

    def load_state_dict(self, state):
        self.total = state["total"].item()


def test_a_run_in_slices_equals_a_run_in_one_piece(tmp_path):
    schedule = Schedule(17, 0.5, warmup_steps=4, decay_steps=6)
    whole = Sum()
    assert run(whole, schedule, tmp_path / "whole", seed=1, pace=Pace(5))
    slices, seen = 0, []
    while True:
        part = Sum()
        slices += 1
        complete = run(part, schedule, tmp_path / "slices", seed=1, pace=Pace(5, deadline=0.0))
        seen += part.seen
        if complete:
            break
    assert slices == 17
    assert seen == list(range(17))
    assert part.total == whole.total
    assert run(idle := Sum(), schedule, tmp_path / "slices", seed=1, pace=Pace(5)) and not idle.seen


@pytest.fixture
def default_handlers():
    """Python's own handlers of signals, whatever servers of other tests have left in their place."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {each: signal.signal(each, default) for each, default in defaults.items()}
    yield defaults
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_slice_after_its_step_and_nothing_is_lost(sent, default_handlers, tmp_path):
    class Interrupted(Sum):
        def step(self, step, batch, learning_rate):
            if step == 2:
                signal.raise_signal(sent)
            return super().step(step, batch, learning_rate)

    assert not run(first := Interrupted(), Schedule(6, 1.0), tmp_path, seed=1, pace=Pace(5))
    assert {each: signal.getsignal(each) for each in default_handlers} == default_handlers
    assert run(rest := Sum(), Schedule(6, 1.0), tmp_path, seed=1, pace=Pace(5))
    assert first.seen + rest.seen == list(range(6))
    reported = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in reported if "total" in line] == [3, 6]


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    class Diverging(Sum):
        def step(self, step, batch, learning_rate):
            return {"loss": float("nan") if step == 4 else 1.0, **super().step(step, batch, learning_rate)}

    with pytest.raises(DivergedError, match="The loss is nan at step 5. Choose a lower learning rate"):
        run(Diverging(), Schedule(6, 1.0), tmp_path, seed=1, pace=Pace(3))
    assert load_state(tmp_path)["step"] == 3
    with pytest.raises(DivergedError, match="none has no state yet"):
        run(Diverging(), Schedule(6, 1.0), tmp_path / "none", seed=1, pace=Pace(6))


def test_a_damaged_state_is_said(tmp_path):
    save_state(tmp_path, STATE)
    whole = (tmp_path / "state.pt").read_bytes()
    for content in (whole[:99], whole[: len(whole) // 2], b"", b"hello world"):
        (tmp_path / "state.pt").write_bytes(content)
        with pytest.raises(CheckpointError, match="state.pt: the saved state is damaged. Remove it"):
            load_state(tmp_path)
    torch.save({"epoch": 3}, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="state.pt: this file is no saved state of a run"):
        load_state(tmp_path)


def test_validation_happens_at_every_checkpoint_and_may_end_the_run(tmp_path):
    trainable = Sum(stop_at=10)
    assert run(trainable, Schedule(30, 1.0), tmp_path, seed=1, pace=Pace(5))
    assert trainable.validated == [5, 10]
    assert len(trainable.seen) == 10
    assert load_state(tmp_path)["complete"]


def test_the_schedule_rises_holds_and_falls():
    schedule = Schedule(10, 2.0, warmup_steps=2, decay_steps=4)
    assert [schedule.at(step) for step in range(10)] == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.5]


def test_a_half_written_state_is_never_read(tmp_path):
    assert load_state(tmp_path) is None
    save_state(tmp_path, STATE)
    (tmp_path / "state.pt.tmp").write_bytes(b"torn")
    assert load_state(tmp_path) == STATE


def test_selection_keeps_both_bests_and_loses_patience_only_when_neither_improves():
    selection = Selection(patience=2, criteria=("loss", "recall_sum"))
    weights = {"w": torch.zeros(1)}
    history = [(1.0, 10.0), (0.9, 9.0), (1.1, 11.0), (1.2, 11.0), (0.95, 10.0)]
    stops = []
    for step, (loss, recall) in enumerate(history):
        weights["w"] += 1  # the caller goes on training the same tensor
        stops.append(selection.update(step, {"loss": loss, "recall_sum": recall}, weights))
    assert stops == [False, False, False, False, True]
    assert (selection.best["loss"].step, selection.best["recall_sum"].step) == (1, 2)
    assert selection.best["recall_sum"].weights["w"].item() == 3
    restored = Selection(patience=2, criteria=("loss", "recall_sum"))
    restored.load_state_dict(selection.state_dict())
    assert restored.update(9, {"loss": 2.0, "recall_sum": 0.0}, weights)


@pytest.mark.parametrize("criterion", ["loss", "recall_sum"])
def test_equal_is_not_better(criterion):
    selection = Selection(patience=1, criteria=(criterion,))
    assert not selection.update(0, {criterion: 1.0}, {})
    assert selection.update(1, {criterion: 1.0}, {})
