"""Calls on a ZeroGPU, with a stand-in for the package `spaces`, which is only on a Space."""

import pickle
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

import safeclip
from demo.captioning.request import CaptioningRequest
from demo.captioning.service import CaptioningService
from demo.common.zero_gpu import image_seconds, on_zero_gpu, token_seconds, uses_zero_gpu
from demo.generation.request import GenerationRequest
from safeclip.errors import CheckpointError, DeviceError
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.refusal import POLICY
from tests.fakes.painting import NONE, service_of
from tests.fakes.serving import context_of

ON_GPU = {"memory_gb": 3.0}


@pytest.fixture
def spaces(monkeypatch):
    """The durations asked of `spaces.GPU`. As there, arguments and results are pickled, and errors lose their class."""
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


def test_outside_zero_gpu_nothing_is_asked_of_spaces(spaces):
    assert on_zero_gpu(10)(answer) is answer


def test_a_space_is_asked_for_as_long_as_the_call_takes(spaces, monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    lent = on_zero_gpu(token_seconds)(answer)
    assert lent(max_new_tokens=100) == answer(100)
    assert on_zero_gpu(7)(answer)(3) == "xxx"
    assert spaces == [10, 7]
    assert (lent.__name__, lent.__doc__) == ("answer", "An answer.")


def test_a_space_without_the_package_says_so_and_goes_on(monkeypatch, caplog):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert on_zero_gpu(10)(answer) is answer
    assert "answer runs on the CPU" in caplog.text


def test_durations_grow_with_the_tokens_and_end():
    assert token_seconds(16) < token_seconds(128) < token_seconds(512) <= token_seconds(100_000) == 120


def test_durations_grow_with_the_images_and_end():
    assert image_seconds(30, 2) < image_seconds(30, 8) < image_seconds(50, 12)
    assert image_seconds(100, 20) == 120


@pytest.fixture
def space(spaces, monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    return spaces


def refuse():
    raise CheckpointError("There is no such checkpoint.")


def test_errors_of_ours_come_through_and_others_are_device_errors(space, monkeypatch):
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        on_zero_gpu(5)(refuse)()
    with pytest.raises(DeviceError, match="lent no GPU: TypeError"):
        on_zero_gpu(5)(answer)("x")


def test_only_models_that_need_a_gpu_use_a_zero_gpu(monkeypatch):
    job = SimpleNamespace(memory_gb=15.0)
    assert not uses_zero_gpu(job)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert uses_zero_gpu(job) and not uses_zero_gpu(SimpleNamespace(memory_gb=0.0))


@pytest.fixture(scope="module")
def lab_on_gpu(painting_lab):
    spec = replace(painting_lab.profile.generation, **ON_GPU)
    return safeclip.open(replace(painting_lab.profile, generation=spec), device="cpu")


def test_a_prompt_is_generated_in_one_call(space, lab_on_gpu):
    service = service_of(lab_on_gpu)
    for dial in ("", "safe"):
        request = GenerationRequest("a dog", seats=("safe",), steps=3, guidance=3.0, dial=dial)
        waiting, last = service.states(request, threading.Event())
        assert waiting.comparison is None and not waiting.done
        assert last.done and not last.error and last.ids and all(last.ids.values())
        assert all(not painting.previews for painting in last.comparison.values())
    assert space == [image_seconds(3, 2), image_seconds(3, 5)]


def test_no_gpu_is_used_for_what_is_refused(space, lab_on_gpu):
    service = service_of(lab_on_gpu)
    (state,) = service.states(GenerationRequest("a nude child", steps=2))
    assert state.refused and state.error == POLICY
    (state,) = service.states(GenerationRequest("a dog", steps=200))
    assert "from 1 to 100" in state.error
    assert space == []


def test_a_question_is_answered_in_one_call(space, talking_lab):
    lab = safeclip.open(
        replace(talking_lab.profile, captioning=replace(talking_lab.profile.captioning, **ON_GPU)), device="cpu"
    )
    request = CaptioningRequest(item=lab.gallery.items[1].image_id, seats=("safe",), max_new_tokens=9)
    waiting, last = CaptioningService(context_of(lab), precomputed=NONE).states(request, stop=threading.Event())
    assert waiting.comparison is None and last.done and not last.error
    assert space == [token_seconds(9)]
    expected = talking_lab.captioning.compare(
        lab.gallery.image(request.item), seats=("original", "safe"), max_new_tokens=9
    )
    assert last.comparison == expected


def test_small_models_stream_on_a_space_too(space, talking_lab):
    request = CaptioningRequest(item=talking_lab.gallery.items[1].image_id, seats=("safe",), max_new_tokens=9)
    assert len(list(CaptioningService(context_of(talking_lab), precomputed=NONE).states(request))) > 2 and space == []


def test_on_such_a_space_a_tasks_own_model_goes_to_the_gpu(monkeypatch, painting_lab):
    """Encoders stay on the CPU, and so does a model that needs no GPU."""
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    devices = []

    def note_device(folder, *, device, **options):
        devices.append(device.type)
        refuse()

    monkeypatch.setattr(StableDiffusionSwap, "from_pretrained", note_device)
    small = painting_lab.profile.generation
    for spec in (small, replace(small, **ON_GPU)):
        lab = safeclip.open(replace(painting_lab.profile, generation=spec))
        with pytest.raises(CheckpointError):
            lab.generation.load()
        assert lab.encoders["safe"].device.type == "cpu"
    assert devices == ["cpu", "cuda"]
