"""The served page from outside: its health, its size on the wire, its log, and how it ends."""

import gzip
import json
import logging
import threading
import urllib.error
import urllib.request

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from demo import serving
from demo.common.session_runs import SessionRuns
from demo.logs import JsonLines
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from tests.fakes.serving import context_of, serve


@pytest.fixture(scope="module")
def served(tiny_lab):
    page, url = serve(tiny_lab, rate=5)
    yield page, url
    page.close()


def fetch(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)


def test_health_says_whether_questions_are_taken(served):
    page, url = served
    with fetch(f"{url}health") as answer:
        assert (answer.status, json.load(answer)) == (200, {"status": "ok"})
    page.health.stopping = True
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{url}health")
        assert (refused.value.code, json.load(refused.value)) == (503, {"status": "stopping"})
    finally:
        page.health.stopping = False


def test_the_page_travels_compressed(served):
    _, url = served
    with fetch(url, **{"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        data = answer.read()
    assert len(data) < len(gzip.decompress(data)) / 2


def test_a_program_that_asks_too_often_is_told_to_wait(served):
    client = Client(served[1], verbose=False)
    for _ in range(5):
        client.predict(query="a dog", api_name="/retrieve")
    with pytest.raises(AppError, match="more than 5 questions in a minute"):
        client.predict(query="a dog", api_name="/retrieve")
    assert Client(served[1], verbose=False).predict(query="a dog", api_name="/retrieve")["seats"]


def test_a_running_answer_is_stopped_and_waited_for():
    runs, begun = SessionRuns(), threading.Event()
    run = runs.start("visitor")

    def answer() -> None:
        with runs.running():
            begun.set()
            run.stop.wait(30)

    thread = threading.Thread(target=answer)
    thread.start()
    assert begun.wait(30) and runs.stop_all(30)
    thread.join(30)
    assert not thread.is_alive()


def test_an_answer_that_does_not_end_does_not_hold_the_page():
    class Endless:
        def stop_runs(self, seconds: float) -> bool:
            return False

    class Page:
        health = serving.Health()
        tabs = {"retrieval": Endless()}
        closed = False

        def close(self, verbose: bool = True) -> None:
            self.closed = True

    page = Page()
    assert serving.close(page, grace=0.01) is False
    assert page.closed and page.health.stopping


def test_the_log_says_how_an_answer_went_and_not_what_was_asked(tiny_lab, caplog):
    service = RetrievalService(context_of(tiny_lab))
    with caplog.at_level(logging.INFO, logger="demo"):
        service.answer(RetrievalRequest(text="zebra", seats=("safe",)))
        service.answer(RetrievalRequest(text="zebra", seats=("safe",)))
        service.answer(RetrievalRequest(text="zebra " * 400))
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.getMessage() == "answer"]
    assert [(line["outcome"], line["kept"]) for line in lines] == [("done", False), ("done", True), ("error", False)]
    assert lines[0]["task"] == "retrieval" and lines[0]["options"]["k"] == 8
    assert "zebra" not in json.dumps(lines)
