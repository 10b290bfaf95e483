"""Models that share a device compute one at a time, in the order in which they asked; a CPU is shared freely."""

import threading
import time

import pytest
from diffusers import UNet2DConditionModel

from safeclip.runtime import device_lock
from safeclip.runtime.device_lock import computing_on, give_way
from tests.fakes.side_by_side import PROMPT

GPU = "cuda:0"  # a name: nothing is computed on it here


class Crowd:
    """Counts the threads inside."""

    def __init__(self) -> None:
        self.inside, self.most = 0, 0
        self._counting = threading.Lock()

    def __enter__(self) -> None:
        with self._counting:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._counting:
            self.inside -= 1


def run_all(*works) -> None:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [("cuda", GPU, 1), (GPU, GPU, 1), (GPU, "cuda:1", 2), ("cpu", "cpu", 2), ("mps", "mps", 1)],
)
def test_a_gpu_is_used_by_one_thread_at_a_time(first, second, together):
    crowd, meeting = Crowd(), threading.Barrier(2)

    def work(device):
        meeting.wait(5)
        for _ in range(5):
            with computing_on(device), crowd:
                time.sleep(0.004)

    run_all(lambda: work(first), lambda: work(second))
    assert crowd.most == together


def test_who_waits_goes_first_when_way_is_given_and_only_then():
    order, entered, waiting = [], threading.Event(), threading.Event()

    def painter():
        with computing_on(GPU), computing_on(GPU):  # the same thread may enter again
            entered.set()
            assert waiting.wait(5)
            time.sleep(0.05)
            order.append("first step")
            give_way(GPU)
            order.append("second step")
            give_way(GPU)  # to nobody
        order.append("done")

    def searcher():
        assert entered.wait(5)
        waiting.set()
        with computing_on(GPU):
            order.append("search")

    run_all(painter, searcher)
    assert order == ["first step", "search", "second step", "done"]
    give_way(GPU)  # by a thread that holds nothing: no deed
    with computing_on(GPU):
        pass


def test_an_error_inside_frees_the_device():
    with pytest.raises(RuntimeError, match="out of memory"), computing_on(GPU):
        raise RuntimeError("CUDA out of memory.")
    run_all(lambda: computing_on(GPU).__enter__())
    device_lock.forget_locks()  # as in a forked process: the thread that held it is not there
    with computing_on(GPU):
        pass


@pytest.mark.parametrize("locked", [True, False])
def test_a_search_is_answered_between_two_steps_of_a_picture(painting_lab, monkeypatch, locked):
    """On a device with a lock, which a CPU is given here, the UNet and an encoder are never at work together."""
    monkeypatch.setattr(device_lock, "UNLOCKED", frozenset() if locked else frozenset({"cpu"}))
    lab, crowd, searches = painting_lab, Crowd(), []
    lab.generation.load()

    def slowly(forward):
        def run(*inputs, **options):
            with crowd:
                time.sleep(0.01)
                return forward(*inputs, **options)

        return run

    for model in (lab.encoders["safe"].model.text_model, UNet2DConditionModel):
        monkeypatch.setattr(model, "forward", slowly(model.forward))
    painted = threading.Event()

    def paint():
        lab.generation.compare(PROMPT, seats=["original", "safe"], steps=8, judge=False)
        painted.set()

    def search():
        while not painted.is_set():
            lab.encoders["safe"].encode_texts(["a dog"])
            searches.append(painted.is_set())

    run_all(paint, search)
    assert crowd.most == (1 if locked else 2)
    assert searches.count(False) >= 4, "a search does not wait for the whole picture"
