"""Many visitors at once are all answered, and soon; the server's memory stays what it was."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.served_page import served_page
from benchmarks.visitors import measure
from benchmarks.visitors.ways import ways
from demo.processes.balancer import find_nginx
from tests.fakes.serving import in_own_loop, serve

NOISE = 1.5  # of timing on a machine that does other things too


needs_nginx = pytest.mark.skipif(find_nginx() is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
def url(tiny_lab):
    page, url = serve(tiny_lab, rate=0)
    yield url
    page.close()


@pytest.mark.parametrize("way", ["browser", "program", "empty"])
def test_twenty_visitors_at_once_are_all_answered(url, way):
    texts = [f"a chef and {number} dogs" for number in range(20)]
    assert len(in_own_loop(measure.visit(url, ways(url)[way], texts, at_once=20))) == 20


@pytest.mark.parametrize(("way", "said"), [("browser", "the page answered"), ("program", "/retrieve answered")])
def test_an_answer_that_is_an_error_is_not_counted(url, way, said):
    with pytest.raises(RuntimeError, match=said):
        in_own_loop(measure.visit(url, ways(url)[way], ["a naked child"], at_once=1))


@pytest.mark.full
@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=needs_nginx)])
def test_a_hundred_visitors_cost_no_more_than_one_after_the_other_and_memory_stays(processes, record_property):
    texts = measure.questions("emoji")
    with served_page("emoji", "--rate", "0", "--processes", str(processes)) as page:
        known = ways(page.url)
        time.sleep(measure.SETTLED)
        for name, way in known.items():
            told = in_a_thread(measure.crowd, page.url, way, texts, 100)
            what = f"95th percentile of 100 visitors by {name}, times a single one's median"
            record_property(f"{what}, {processes} processes", told["ratio"])
            assert told["ratio"] <= 100 * NOISE
        growth = in_a_thread(measure.memory, page.url, page.pid, known["browser"], texts, 2000)["growth"]
        what = "growth of memory over 2,000 queries after 200"
        record_property(f"{what}, {processes} processes", f"{100 * growth:.1f} %")
        assert abs(growth) <= 0.05


def in_a_thread(measure, *arguments):
    """What `measure` returns, which runs loops of its own; a test with a browser, run before, keeps one here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(measure, *arguments).result()
