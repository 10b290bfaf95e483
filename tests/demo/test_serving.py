"""The served page from outside: its health, its size on the wire, its log, and how it ends."""

import gc
import gzip
import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
from starlette.testclient import TestClient

from demo import serving
from demo.common.traffic import compression
from demo.common.traffic.running_answers import RunningAnswers
from demo.logs import JsonLines
from demo.processes.supervisor import free_port
from demo.retrieval.request import RetrievalRequest
from demo.retrieval.service import RetrievalService
from safeclip.profiles import MAX_STEPS
from tests.fakes.serving import client_of, context_of, serve, wait_for_page
from tests.fakes.tiny_world import write_profile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tiny_lab):
    page, url = serve(tiny_lab, rate=5)
    yield page, url
    page.close()


@pytest.fixture
def painting_profile(tmp_path, tiny_clip, tiny_adapter, tiny_gallery, tiny_lab, tiny_stable_diffusion):
    index = Path(tiny_lab.profile.retrieval.index)
    path = write_profile(tmp_path, tiny_clip, (tiny_adapter,), tiny_gallery, index)
    path.write_text(f"{path.read_text()}\n[generation]\ncheckpoint = '{tiny_stable_diffusion}'\nsteps = 4\n")
    return path


def fetch(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)


def test_what_lives_as_long_as_the_page_is_never_searched_for_garbage(served):
    page, _ = served
    before = gc.get_freeze_count()
    serving.settle(page)
    assert gc.get_freeze_count() > before + 10_000


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


@pytest.mark.parametrize("query", ["failures=safe&page=2", "page=about", "q=a+dog&seats=safe", "%ff=%zz&page"])
def test_every_address_opens_the_page(served, query):
    _, url = served
    answer = fetch(f"{url}?{query}")
    assert answer.status == 200 and b"gradio_config" in answer.read()


def test_the_page_travels_compressed(served):
    _, url = served
    with fetch(url, **{"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        data = answer.read()
    assert len(data) < len(gzip.decompress(data)) / 2


def test_the_page_and_gradios_files_travel_in_brotli(served):
    page, url = served
    with fetch(url) as answer:
        plain = answer.read()
    name = re.search(r"assets/[\w./-]+\.js", plain.decode())[0]
    with fetch(url + name) as answer:
        script = answer.read()
    for path, content in (("", plain), (name, script)):
        with fetch(url + path, **{"Accept-Encoding": "gzip, br"}) as answer:
            data = answer.read()
            assert answer.headers["Content-Encoding"] == "br" and "Accept-Encoding" in answer.headers["Vary"]
        assert brotli.decompress(data) == content
        assert len(data) < 0.97 * len(brotli.compress(content, quality=4)), "better than Gradio compresses"
    with fetch(url + name, **{"Accept-Encoding": "br", "Range": "bytes=0-9"}) as answer:
        assert answer.headers["Content-Encoding"] is None and len(answer.read()) in (10, len(script))


def test_what_is_compressed_is_kept(monkeypatch):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a" * 500, "more_body": True})
        await send({"type": "http.response.body", "body": b"b" * 500})

    made = []
    compress = brotli.compress
    monkeypatch.setattr(compression.brotli, "compress", lambda *a, **more: made.append(1) or compress(*a, **more))
    client = TestClient(compression.PageCompression(app))  # in a loop of its own
    answers = [client.get("/", headers={"Accept-Encoding": "br"}) for _ in range(3)]
    assert len(made) == 1
    assert {answer.headers["Content-Encoding"] for answer in answers} == {"br"}
    assert {answer.content for answer in answers} == {b"a" * 500 + b"b" * 500}


def test_a_program_that_asks_too_often_is_told_to_wait(served):
    client = client_of(served[1])
    for _ in range(5):
        client.predict(query="a dog", api_name="/retrieve")
    with pytest.raises(AppError, match="more than 5 questions in a minute"):
        client.predict(query="a dog", api_name="/retrieve")
    assert client_of(served[1]).predict(query="a dog", api_name="/retrieve")["seats"]


def test_a_running_answer_is_stopped_and_waited_for():
    running, stop, begun = RunningAnswers(), threading.Event(), threading.Event()

    def answer() -> None:
        with running.one(stop):
            begun.set()
            stop.wait(30)

    thread = threading.Thread(target=answer)
    thread.start()
    assert begun.wait(30) and running.stop_all(30)
    thread.join(30)
    assert not thread.is_alive()
    late = threading.Event()
    with running.one(late):
        assert late.is_set(), "what begins after the end has begun is ended too"
        assert running.stop_all(0.01) is False


def test_the_end_of_the_page_ends_an_answer_and_says_why(judged_lab):
    page, url = serve(judged_lab)
    client = client_of(url)
    started, ended = threading.Event(), threading.Event()
    stream = judged_lab.generation.stream

    def endless(*, stop, **options):
        begun = next(stream(stop=stop, **options))
        yield begun
        started.set()
        ended.set() if stop.wait(30) else None
        yield replace(begun, stopped=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judged_lab.generation, "stream", endless)
        job = client.submit(prompt="a dog with a kite", steps=4, api_name="/generate")
        assert started.wait(60)
        assert serving.close(page, grace=30) and ended.is_set()
        with pytest.raises(AppError, match="shutting down, and the answer was not finished"):
            job.result(30)


@pytest.mark.full
def test_a_process_that_is_told_to_end_ends_its_answer_within_five_seconds(painting_profile):
    port = free_port()
    command = [sys.executable, "app.py", "--profile", str(painting_profile), "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as app:
        try:
            wait_for_page(f"http://127.0.0.1:{port}/", app, 120)
            client = client_of(f"http://127.0.0.1:{port}/")
            client.predict(prompt="a dog", steps=1, api_name="/generate")
            job = client.submit(prompt="a dog with a kite", steps=MAX_STEPS, pictures=4, api_name="/generate")
            while job.status().code is not Status.PROCESSING:
                time.sleep(0.01)
            told = time.monotonic()
            app.send_signal(signal.SIGTERM)
            with pytest.raises(AppError, match="shutting down, and the answer was not finished"):
                job.result(30)
            assert app.wait(30) == 0 and time.monotonic() - told < 5
            assert "Traceback" not in app.stderr.read()
        finally:
            app.kill()


def test_an_answer_that_does_not_end_does_not_hold_the_page():
    class Endless:
        def stop_runs(self, seconds: float) -> bool:
            return False

    class Page:
        health = serving.Health()
        tabs = {"retrieval": Endless()}
        unsent = True
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
