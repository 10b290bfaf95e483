"""A registered task of at most 60 lines has a tab, links, an endpoint and error messages."""

from pathlib import Path

import pytest
from gradio_client.exceptions import AppError

from demo import tasks
from demo.common.service import TaskService
from safeclip.errors import QueryError
from tests.demo import toy_task
from tests.demo.toy_task import COUNT, CountRequest, CountService
from tests.fakes.serving import client_of, context_of, serve, tab_of


@pytest.fixture(scope="module")
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "TASKS", (*tasks.TASKS, COUNT))
        yield


@pytest.fixture(scope="module")
def client(registered, tiny_lab):
    page, url = serve(tiny_lab)
    yield client_of(url)
    page.close()


def test_it_takes_at_most_60_lines():
    assert len(Path(toy_task.__file__).read_text(encoding="utf-8").splitlines()) <= 60


def test_it_has_a_tab_on_the_page(client):
    tabs = [each["props"]["label"] for each in client.config["components"] if each["type"] == "tabitem"]
    assert tabs == ["Retrieval", "Counting", "Scoreboard"]


def test_its_controls_come_from_its_declaration(tiny_lab):
    tab = tab_of(COUNT, tiny_lab)
    assert list(tab.controls) == ["text", "times", "seats"]
    assert (tab.controls["times"].minimum, tab.controls["times"].maximum) == (1, 9)
    request, _ = tab.read({"text": "ab", "times": 2.0, "seats": ["ours"]})
    state = tab.service.answer(request)
    assert state.request == CountRequest("ab", 2, ("ours",)) and state.comparison == {"original": 4, "ours": 5}
    assert "5 letters" in tab.view.draw(state)


def test_its_links_restore_a_request_and_the_page_knows_their_names(registered):
    request = CountRequest("ab", 2, ("safe",))
    assert request.to_link() == "count=ab&times=2&seats=safe"
    assert CountRequest.from_link({"count": "ab", "times": "99", "seats": "none"}, request) == CountRequest("ab", 9)
    assert {"count", "times"} <= set(tasks.link_names([])["parameters"]) and tasks.link_names([])["subjects"] == []
    assert tasks.link_names([COUNT])["subjects"] == ["count"]


def test_it_has_a_documented_endpoint(client):
    endpoint = client.view_api(return_format="dict")["named_endpoints"]["/count"]
    assert [each["parameter_name"] for each in endpoint["parameters"]] == ["text", "times", "seats"]
    assert "from 1 to 9" in endpoint["parameters"][1]["python_type"]["description"]
    answer = client.predict(text="ab", times=2, api_name="/count")
    assert answer["counts"] == {"original": 4, "safe": 5, "ours": 6}
    assert answer["permalink"] == "?count=ab&times=2&seats=safe%2Cours"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Nothing is given yet"),
        ({"text": "ab", "times": 10}, "number of times must be a whole number from 1 to 9, not 10"),
        ({"text": "ab", "seats": ["nobody"]}, "no seat “nobody” in this profile. Its seats are original, safe, ours"),
        ({"text": "x" * 51}, "51 characters; shorten it to 50"),
    ],
)
def test_its_errors_are_sentences(client, tiny_lab, values, said):
    with pytest.raises(AppError, match=said):
        client.predict(**values, api_name="/count")
    service: TaskService = CountService(context_of(tiny_lab))
    assert said in service.answer(CountRequest(**values)).error
    with pytest.raises(QueryError, match=said):
        service.answer_or_raise(CountRequest(**values))
