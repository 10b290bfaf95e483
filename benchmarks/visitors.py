"""Measures many visitors at once, and the server's memory over thousands of queries, as browsers and programs ask.

    python -m benchmarks.visitors [--profile emoji] [--visitors 100] [--queries 2000]

The baselines are a single visitor of the same page, in the same run, and an event of that page which does nothing: what
Gradio and the web server cost. Nobody asks what another one asked, so that no answer comes from the cache.
"""

import argparse
import asyncio
import itertools
import random
import secrets
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import psutil

from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.places import gallery_folder

from .served_page import served_page

PATIENCE = 120.0  # seconds for one answer
WARM_UP = 200  # queries before memory is looked at
AT_ONCE = 8  # visitors while memory is looked at
SETTLED = 20.0  # seconds after the start until unsafe images are blurred, which a page does in the background


class Way(Protocol):
    """A way to visit a page: `open` it, and `ask` it texts. Raises RuntimeError when an answer is an error."""

    async def open(self, client: httpx.AsyncClient) -> str:
        """Opens the page; returns the name of the session."""
        ...

    async def ask(self, client: httpx.AsyncClient, session: str, text: str) -> None: ...


@dataclass(frozen=True)
class Program:
    """Asks the endpoint /retrieve. `defaults` are the values of its parameters after the text."""

    defaults: tuple[Any, ...]

    @classmethod
    def of(cls, info: dict[str, Any]) -> "Program":
        """Reads the defaults from a page's /gradio_api/info."""
        _, *others = info["named_endpoints"]["/retrieve"]["parameters"]
        return cls(tuple(each["parameter_default"] for each in others))

    async def open(self, client: httpx.AsyncClient) -> str:
        return ""

    async def ask(self, client: httpx.AsyncClient, session: str, text: str) -> None:
        begun = await client.post("gradio_api/call/retrieve", json={"data": [text, *self.defaults]})
        event = begun.raise_for_status().json()["event_id"]
        async with client.stream("GET", f"gradio_api/call/retrieve/{event}") as stream:
            lines = [line async for line in stream.aiter_lines()]
        if "event: complete" not in lines:
            raise RuntimeError(f"/retrieve answered {lines[-2:]}")


@dataclass(frozen=True)
class Browser:
    """Asks as the page's script does: presses Compare, whose event is answered with the drawn columns.

    `values` are those of the tab's controls and of the number of what the browser begins; the text is number `text`
    among them.
    """

    run: int
    button: int
    text: int
    values: tuple[Any, ...]

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Browser":
        """Finds the event of the first tab in a page's /config."""
        components = {each["id"]: each["props"] for each in config["components"]}
        button = next(id for id, props in components.items() if "sc-go" in (props.get("elem_classes") or ()))
        run = next(each for each in config["dependencies"] if [button, "click"] in each["targets"])
        *controls, _ = [components[id] for id in run["inputs"]]
        text = next(i for i, props in enumerate(controls) if props.get("elem_id") == "sc-text")
        return cls(run["id"], button, text, (*(props.get("value") for props in controls), 1))

    async def open(self, client: httpx.AsyncClient) -> str:
        (await client.get("health")).raise_for_status()  # the page's connection is open when its visitor asks
        return secrets.token_hex(6)

    async def ask(self, client: httpx.AsyncClient, session: str, text: str) -> None:
        values = [*self.values[: self.text], text, *self.values[self.text + 1 :]]
        asked = {"fn_index": self.run, "data": values, "session_hash": session, "trigger_id": self.button}
        answer = (await client.post("gradio_api/run/predict", json=asked)).raise_for_status().text
        if 'data-state=\\"done\\"' not in answer:
            raise RuntimeError(f"the page answered {answer[-300:]}")


@dataclass(frozen=True)
class Empty:
    """Presses Stop where nothing runs: an event without inputs, outputs and an answer."""

    run: int
    button: int

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Empty":
        """Finds the event of the first tab in a page's /config."""
        buttons = [
            each["id"] for each in config["components"] if "sc-stop" in (each["props"].get("elem_classes") or ())
        ]
        run = next(each for each in config["dependencies"] if [buttons[0], "click"] in each["targets"])
        return cls(run["id"], buttons[0])

    async def open(self, client: httpx.AsyncClient) -> str:
        (await client.get("health")).raise_for_status()
        return secrets.token_hex(6)

    async def ask(self, client: httpx.AsyncClient, session: str, text: str) -> None:
        asked = {"fn_index": self.run, "data": [], "session_hash": session, "trigger_id": self.button}
        (await client.post("gradio_api/run/predict", json=asked)).raise_for_status()


def ways(url: str) -> dict[str, Way]:
    """The ways to ask a page: as its script does, as a program does, and for nothing."""
    config, info = (httpx.get(f"{url}{path}", timeout=PATIENCE).json() for path in ("config", "gradio_api/info"))
    return {"browser": Browser.of(config), "program": Program.of(info), "empty": Empty.of(config)}


async def visit(url: str, way: Way, texts: Sequence[str], *, at_once: int) -> list[float]:
    """Seconds until each of the texts was answered, asked by `at_once` visitors who have opened the page before.

    Raises what the way raises.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=at_once, keepalive_expiry=1.0)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        left, seconds = iter(texts), []

        async def ask_on(session: str) -> None:
            for text in left:
                started = time.perf_counter()
                await way.ask(client, session, text)
                seconds.append(time.perf_counter() - started)

        sessions = [await way.open(client) for _ in range(at_once)]
        await asyncio.gather(*map(ask_on, sessions))
        return seconds


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time within which `share` of the answers came."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def questions(profile: str) -> Iterator[str]:
    """Texts that nobody asked before: the gallery's captions, then two of them in every combination."""
    captions = list(Gallery.open(gallery_folder(load_profile(profile).retrieval)).captions.values())
    yield from random.Random(0).sample(captions, len(captions))
    yield from (f"{first} and {second}" for first, second in itertools.product(captions, captions))


def crowd(url: str, way: Way, texts: Iterator[str], visitors: int) -> dict[str, float]:
    """The median of a single visitor, and the median and 95th percentile of many at once, in seconds."""

    def ask(n: int, at_once: int) -> list[float]:
        return asyncio.run(visit(url, way, list(itertools.islice(texts, n)), at_once=at_once))

    ask(5, at_once=1)
    alone, together = ask(20, at_once=1), ask(visitors, at_once=visitors)
    return {
        "alone": statistics.median(alone),
        "median": statistics.median(together),
        "p95": percentile(together, 0.95),
        "ratio": percentile(together, 0.95) / statistics.median(alone),
    }


def memory(url: str, pid: int, way: Way, texts: Iterator[str], queries: int) -> dict[str, float]:
    """Megabytes that the server's process holds after the queries of the warm-up, and after `queries` more."""
    process = psutil.Process(pid)

    def after(n: int) -> float:
        asyncio.run(visit(url, way, list(itertools.islice(texts, n)), at_once=AT_ONCE))
        return process.memory_info().rss / 1e6

    warm, end = after(WARM_UP), after(queries)
    return {"warm": warm, "end": end, "growth": end / warm - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--queries", type=int, default=2000, help="0 leaves memory out")
    parser.add_argument("--settled", type=float, default=SETTLED, help="seconds that the page is up before")
    options = parser.parse_args()
    texts = questions(options.profile)
    with served_page(options.profile, "--rate", "0") as page:
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
