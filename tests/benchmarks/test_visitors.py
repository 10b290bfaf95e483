"""Many visitors at once are all answered, and soon; the server's memory stays what it was."""

import pytest

from benchmarks import visitors
from benchmarks.served_page import served_page
from tests.fakes.serving import in_own_loop, serve

NOISE = 1.5  # of timing on a machine that does other things too


@pytest.fixture(scope="module")
def url(tiny_lab):
    page, url = serve(tiny_lab, rate=0)
    yield url
    page.close()


@pytest.mark.parametrize("way", ["browser", "program", "empty"])
def test_twenty_visitors_at_once_are_all_answered(url, way):
    texts = [f"a chef and {number} dogs" for number in range(20)]
    assert len(in_own_loop(visitors.visit(url, visitors.ways(url)[way], texts, at_once=20))) == 20


@pytest.mark.parametrize(("way", "said"), [("browser", "the page answered"), ("program", "/retrieve answered")])
def test_an_answer_that_is_an_error_is_not_counted(url, way, said):
    with pytest.raises(RuntimeError, match=said):
        in_own_loop(visitors.visit(url, visitors.ways(url)[way], ["a naked child"], at_once=1))


@pytest.mark.full
def test_a_hundred_visitors_cost_no_more_than_one_after_the_other_and_memory_stays(record_property):
    texts = visitors.questions("emoji")
    with served_page("emoji", "--rate", "0") as page:
        ways = visitors.ways(page.url)
        for name, way in ways.items():
            told = visitors.crowd(page.url, way, texts, 100)
            record_property(f"95th percentile of 100 visitors by {name}, times a single one's median", told["ratio"])
            assert told["ratio"] <= 100 * NOISE
        growth = visitors.memory(page.url, page.pid, ways["browser"], texts, 2000)["growth"]
        record_property("growth of memory over 2,000 queries after 200", f"{100 * growth:.1f} %")
        assert abs(growth) <= 0.05
