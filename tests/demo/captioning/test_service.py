"""The captioning service: the states of an answer, and what is said when there is none."""

import threading
from dataclasses import replace

import pytest

import safeclip
from demo.captioning.request import CaptioningRequest
from tests.demo.captioning.requests import request_of, service_of


@pytest.fixture(scope="module")
def service(talking_lab):
    return service_of(talking_lab)


@pytest.fixture(scope="module")
def unsafe(talking_lab):
    return next(item for item in talking_lab.gallery.items if item.unsafe)


def test_the_last_state_is_the_librarys_answer(service, talking_lab, unsafe):
    *before, last = service.states(request_of(unsafe, question=" Who is  it? "))
    expected = talking_lab.captioning.compare(
        talking_lab.gallery.image(unsafe.image_id), "Who is it?", seats=("original", "safe"), max_new_tokens=12
    )
    assert last.done and last.comparison == expected and last.item is unsafe
    assert before and not any(state.done for state in before)


def test_an_answer_is_kept_unless_it_was_stopped(service, talking_lab, unsafe):
    request = request_of(unsafe, question="What is it?", max_new_tokens=60)
    stop = threading.Event()
    stop.set()
    *_, stopped = service.states(request, stop=stop)
    first, second = service.answer(request), service.answer(request)
    assert stopped.stopped and first is not stopped and second is first


def test_loading_is_a_state_of_its_own(talking_lab, unsafe):
    service = service_of(safeclip.open(talking_lab.profile))
    first = next(service.states(request_of(unsafe)))
    assert first.comparison is None and not first.done and not first.error
    service.answer(request_of(unsafe))
    assert next(service.states(request_of(unsafe, question="Who?"))).comparison is not None  # loaded by now


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (CaptioningRequest(), "There is no picture yet"),
        (CaptioningRequest(item="0" * 16), "has no picture “0000000000000000”"),
        (CaptioningRequest(item="0" * 16, upload="1" * 16), "one picture at a time"),
        (CaptioningRequest(upload="1" * 16), "did not arrive"),
        (CaptioningRequest(item="0" * 16, seats=("nobody",)), "no seat “nobody”"),
        (CaptioningRequest(item="0" * 16, max_new_tokens=0), "from 1 to 512"),
    ],
)
def test_a_request_that_cannot_be_answered_is_an_error_state(service, request_, said):
    (state,) = service.states(request_)
    assert said in state.error and state.done


def test_without_a_gallery_a_link_to_an_item_says_so(talking_lab):
    lab = safeclip.open(replace(talking_lab.profile, retrieval=None))
    (state,) = service_of(lab).states(CaptioningRequest(item="0" * 16))
    assert state.error == "This page has no gallery, and so no picture “0000000000000000”. Add one of yours."


def test_a_missing_llava_is_an_error_state_without_the_servers_folders(talking_lab, unsafe, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    spec = replace(talking_lab.profile.captioning, checkpoint="zoo/llava")
    lab = safeclip.open(replace(talking_lab.profile, captioning=spec))
    state = service_of(lab).answer(request_of(unsafe))
    assert state.error.startswith("zoo/llava: there is no such LLaVA checkpoint")


def test_a_fault_of_the_code_is_one_sentence(service, talking_lab, unsafe, monkeypatch, caplog):
    monkeypatch.setattr(talking_lab.captioning, "stream", lambda *a, **k: 1 / 0)
    state = service.answer(request_of(unsafe, question="What about my secret?"))
    assert "ZeroDivisionError" not in state.error and "log" in state.error
    assert "ZeroDivisionError" in caplog.text and "secret" not in caplog.text


def test_a_stopped_answer_is_what_was_said_until_then(service, unsafe):
    stop = threading.Event()
    answering = service.states(request_of(unsafe, max_new_tokens=100), stop=stop)
    next(answering)
    stop.set()
    *_, last = answering
    assert last.done and last.stopped and not last.error
