"""Measures many visitors at once, and the server's memory over thousands of queries, as browsers and programs ask.

    python -m benchmarks.visitors [--profile emoji] [--visitors 100] [--queries 2000] [--processes 2]

The baselines are a single visitor of the same page, in the same run, and an event of that page which does nothing: what
Gradio and the web server cost. Nobody asks what another one asked, so that no answer comes from the cache. Visitors
share the machine with the page: they are aiohttp's, which take 1 ms of it for an answer, where httpx took 5.
"""

import argparse
import time

from ..served_page import served_page
from .measure import SETTLED, crowd, memory, questions
from .ways import ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--queries", type=int, default=2000, help="0 leaves memory out")
    parser.add_argument("--processes", type=int, default=1, help="of the page; more than one need nginx")
    parser.add_argument("--settled", type=float, default=SETTLED, help="seconds that the page is up before")
    options = parser.parse_args()
    texts = questions(options.profile)
    with served_page(options.profile, "--rate", "0", "--processes", str(options.processes)) as page:
        known = ways(page.url)
        time.sleep(options.settled)
        for name, way in known.items():
            told = crowd(page.url, way, texts, options.visitors)
            print(f"{options.visitors} visitors, {name}:", *(f"{key} {n:.3f}" for key, n in told.items()), flush=True)
        if options.queries:
            told = memory(page.url, page.pid, known["browser"], texts, options.queries)
            print(f"memory over {options.queries} queries:", *(f"{key} {n:.3f}" for key, n in told.items()))


if __name__ == "__main__":
    main()
