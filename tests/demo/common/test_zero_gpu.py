"""Borrowing a GPU, with a stand-in for the package `spaces` that is only on a Space."""

import pickle
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

import safeclip
from demo.captioning.request import CaptioningRequest, CaptioningService
from demo.common.zero_gpu import borrows, lend, picture_seconds, token_seconds
from demo.generation.image_store import ImageStore
from demo.generation.request import GenerationRequest
from demo.generation.service import GenerationService
from safeclip.errors import CheckpointError, DeviceError
from safeclip.generation.policy import POLICY

NONE = SimpleNamespace(find=lambda ask: None)
ON_GPU = {"memory_gb": 3.0}


@pytest.fixture
def borrowed(monkeypatch):
    """What was asked of `spaces.GPU`. As there, arguments and results are pickled, and errors lose their class."""
    asked = []

    def gpu(duration):
        def decorate(fn):
            def call(*args, **kwargs):
                asked.append(duration(*args, **kwargs) if callable(duration) else duration)
                args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))
                try:
                    return pickle.loads(pickle.dumps(fn(*args, **kwargs)))
                except Exception as error:
                    raise gr.Error(type(error).__name__, print_exception=False) from error

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


def test_durations_grow_with_what_is_painted_and_end():
    assert picture_seconds(30, 1, 2) < picture_seconds(30, 4, 2) < picture_seconds(50, 4, 3)
    assert picture_seconds(100, 4, 5) == 120


@pytest.fixture
def space(borrowed, monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return borrowed


def refuse():
    raise CheckpointError("There is no such checkpoint.")


def test_our_errors_come_through_and_others_are_told(space, monkeypatch):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        lend(5)(refuse)()
    with pytest.raises(DeviceError, match="lent no GPU: TypeError"):
        lend(5)(answer)("x")


def test_only_jobs_whose_models_need_a_gpu_borrow_one(monkeypatch):
    job = SimpleNamespace(memory_gb=15.0)
    assert not borrows(job)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert borrows(job) and not borrows(SimpleNamespace(memory_gb=0.0))


@pytest.fixture(scope="module")
def painter(painting_lab):
    spec = replace(painting_lab.profile.generation, **ON_GPU)
    return safeclip.open(replace(painting_lab.profile, generation=spec), device="cpu")


def test_a_prompt_is_painted_in_one_call(space, painter):
    generations = GenerationService(painter, NONE, ImageStore(locked=False))
    for dial in ("", "safe"):
        ask = GenerationRequest("a dog", seats=("safe",), steps=3, guidance=3.0, dial=dial)
        waiting, last = generations.tell(ask, threading.Event())
        assert waiting.comparison is None and not waiting.done
        assert last.done and not last.error and last.ids and all(last.ids.values())
        assert all(not painting.previews for painting in last.comparison.values())
    assert space == [picture_seconds(3, 1, 2), picture_seconds(3, 1, 5)]


def test_nothing_is_borrowed_for_what_is_refused(space, painter):
    generations = GenerationService(painter, NONE, ImageStore(locked=False))
    (told,) = generations.tell(GenerationRequest("a nude child", steps=2))
    assert told.refused and told.error == POLICY
    (told,) = generations.tell(GenerationRequest("a dog", steps=200))
    assert "from 1 to 100" in told.error
    assert space == []


def test_a_question_is_answered_in_one_call(space, talking_lab):
    lab = safeclip.open(
        replace(talking_lab.profile, captioning=replace(talking_lab.profile.captioning, **ON_GPU)), device="cpu"
    )
    ask = CaptioningRequest(item=lab.gallery.items[1].image_id, seats=("safe",), max_new_tokens=9)
    waiting, last = CaptioningService(lab, NONE).tell(ask, stop=threading.Event())
    assert waiting.comparison is None and last.done and not last.error
    assert space == [token_seconds(9)]
    expected = talking_lab.captioning.compare(lab.gallery.image(ask.item), seats=("original", "safe"), max_new_tokens=9)
    assert last.comparison == expected


def test_small_models_stream_on_a_space_too(space, talking_lab):
    ask = CaptioningRequest(item=talking_lab.gallery.items[1].image_id, seats=("safe",), max_new_tokens=9)
    assert len(list(CaptioningService(talking_lab, NONE).tell(ask))) > 2 and space == []


def test_on_such_a_space_a_jobs_own_model_goes_to_the_gpu_that_is_lent(monkeypatch, painting_lab):
    """And encoders do not, nor does a job that needs none."""
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    small = painting_lab.profile.generation
    for spec, device in ((small, None), (replace(small, **ON_GPU), "cuda")):
        lab = safeclip.open(replace(painting_lab.profile, generation=spec))
        assert lab.generation._device == device and lab.encoders["safe"].device.type == "cpu"
