"""Calls that nobody wrote by hand: whatever comes, the page answers with a sentence and gives nothing away."""

import json
import logging
import urllib.error
import urllib.request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.tasks import TASKS, link_names
from tests.fakes.serving import client_of, serve

MARK = "zebra7f3"  # in every text that is sent
LEAKS = ("Traceback", "site-packages", "/work", "/usr", "/root", ".py", "Error:")

texts = st.text(max_size=40).map(lambda text: MARK + text)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
files = st.fixed_dictionaries({"path": st.just("/etc/passwd") | texts, "meta": st.just({"_type": "gradio.FileData"})})
bodies = st.fixed_dictionaries({"data": st.lists(values | files, max_size=9)}) | values


@pytest.fixture(scope="module")
def url(whole_lab, tmp_path_factory):
    page, url = serve(whole_lab, rate=0, reports=str(tmp_path_factory.mktemp("reports")))
    yield url
    page.close()


@pytest.fixture(scope="module")
def endpoints(url) -> list[str]:
    """The names of all endpoints for programs."""
    with urllib.request.urlopen(f"{url}gradio_api/info", timeout=20) as answer:
        return sorted(name.strip("/") for name in json.load(answer)["named_endpoints"])


def post(url: str, body: object) -> tuple[int, str]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def call(url: str, name: str, body: object) -> str:
    """What a program is answered, by way of the queue."""
    status, answer = post(f"{url}gradio_api/call/{name}", body)
    assert status < 500, answer
    id = json.loads(answer).get("event_id") if status == 200 else None
    if id is None:
        return answer
    with urllib.request.urlopen(f"{url}gradio_api/call/{name}/{id}", timeout=20) as stream:
        return answer + stream.read().decode()


def check(url: str, names: list[str], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture, n: int) -> None:
    @settings(max_examples=n, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    @given(st.sampled_from(names), bodies)
    def fuzz(name: str, body: object) -> None:
        answer = call(url, name, body)
        assert not [leak for leak in LEAKS if leak in answer.replace(MARK, "")], answer

    with caplog.at_level(logging.DEBUG, logger="demo"):
        fuzz()
    said = caplog.text + "".join(capfd.readouterr())
    assert MARK not in said and "Traceback" not in said
    good = client_of(url).predict(query="a dog", k=2, api_name="/retrieve")
    assert len(good["seats"]["original"]["hits"]) == 2


def test_a_hundred_calls(url, endpoints, caplog, capfd):
    check(url, endpoints, caplog, capfd, 100)


@pytest.mark.full
def test_two_thousand_calls(url, endpoints, caplog, capfd):
    check(url, endpoints, caplog, capfd, 2000)


def test_every_task_has_an_endpoint_that_is_tried(endpoints):
    assert len(endpoints) >= len(TASKS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
@given(st.dictionaries(st.sampled_from(link_names(TASKS)["parameters"]) | texts, st.text(max_size=60), max_size=8))
@settings(max_examples=100, deadline=None, database=None)
def test_any_address_is_a_request_or_none(task, parameters):
    request = task.service.request_type
    found = request.from_link(parameters, request())
    assert found is None or not found.empty
