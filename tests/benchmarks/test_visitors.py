"""Many visitors at once are all answered, and soon; the server's memory stays what it was."""

import asyncio

import pytest

from benchmarks import visitors
from benchmarks.served_page import served_page
from tests.fakes.serving import serve


@pytest.fixture(scope="module")
def url(tiny_lab):
    page, url = serve(tiny_lab, rate=0)
    yield url
    page.close()


@pytest.mark.parametrize("way", ["browser", "program"])
def test_twenty_visitors_at_once_are_all_answered(url, way):
    texts = [f"a chef and {number} dogs" for number in range(20)]
    assert len(asyncio.run(visitors.visit(url, visitors.ways(url)[way], texts, at_once=20))) == 20


@pytest.mark.parametrize(("way", "said"), [("browser", "the page answered"), ("program", "/retrieve answered")])
def test_an_answer_that_is_an_error_is_not_counted(url, way, said):
    with pytest.raises(RuntimeError, match=said):
        asyncio.run(visitors.visit(url, visitors.ways(url)[way], ["a naked child"], at_once=1))


@pytest.mark.full
def test_a_hundred_visitors_and_two_thousand_queries():
    texts = visitors.questions("emoji")
    with served_page("emoji", "--rate", "0") as page:
        ways = visitors.ways(page.url)
        for way in ways.values():
            assert visitors.crowd(page.url, way, texts, 100)["ratio"] <= 20
        assert abs(visitors.memory(page.url, page.pid, ways["browser"], texts, 2000)["growth"]) <= 0.05
