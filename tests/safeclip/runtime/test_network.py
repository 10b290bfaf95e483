"""Whether the hub answers: how often it is asked, what a silent name server costs, who chose to stay offline."""

import socket
import threading
import urllib.error
import urllib.request

import pytest

from safeclip.runtime import network


@pytest.fixture
def asked(no_hub, monkeypatch):
    """The addresses that were asked, and `asked.answer`: what asking raises, or None."""

    class Asked(list):
        answer: Exception | None = None

    class Reply:
        def close(self) -> None:
            pass

    found = Asked()

    def urlopen(request, timeout):
        found.append(request.full_url)
        if found.answer is not None:
            raise found.answer
        return Reply()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return found


def test_an_answer_is_remembered_for_each_address(asked, monkeypatch):
    assert network.is_reachable() and network.is_reachable() and network.may_ask()
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror/")
    assert network.is_reachable() and network.host() == "mirror"
    assert asked == ["http://127.0.0.1:9", "http://mirror"]
    network.forget_answers()
    assert network.is_reachable() and len(asked) == 3


@pytest.mark.parametrize(("status", "reachable"), [(404, True), (401, True), (403, False), (407, False), (503, False)])
def test_a_proxys_refusal_is_not_taken_for_the_hubs_answer(asked, status, reachable):
    asked.answer = urllib.error.HTTPError("http://hub", status, "", None, None)
    assert network.is_reachable() is reachable


def test_a_name_server_that_keeps_silent_is_not_waited_for(monkeypatch, no_hub):
    given_up = threading.Event()

    def keep_silent(*_, **__):
        given_up.wait()
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", keep_silent)
    assert not network.is_reachable(timeout=0.1)
    assert not network.is_reachable(timeout=0.1), "the answer is remembered"
    given_up.set()


def test_staying_offline_by_choice_is_distinguished(no_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not network.may_ask()
    assert network.why_unreachable() == "HF_HUB_OFFLINE keeps this process off the network"
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "SAFECLIP_HUB_SILENT"):
        monkeypatch.setenv(name, "")  # so that it is undone afterwards
        monkeypatch.delenv(name)
    network.go_offline()
    assert network.is_offline() and network.why_unreachable() == "127.0.0.1:9 could not be reached"
