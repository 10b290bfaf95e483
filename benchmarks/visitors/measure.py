"""Times of a crowd and of a single visitor, and the memory of the server over thousands of queries."""

import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Iterator, Sequence

import aiohttp
import psutil

from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.places import gallery_folder

from .ways import PATIENCE, Session, Way

WARM_UP = 200  # queries before memory is looked at
AT_ONCE = 8  # visitors while memory is looked at
SETTLED = 25.0  # seconds after the start until images and cards are prepared, which a page does in the background


async def visit(url: str, way: Way, texts: Sequence[str], *, at_once: int) -> list[float]:
    """Seconds until each of the texts was answered, asked by `at_once` visitors who have opened the page before.

    Raises what the way raises.
    """
    left, seconds = iter(texts), []
    async with aiohttp.ClientSession(
        url,
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),  # one client stands for all visitors
        timeout=aiohttp.ClientTimeout(PATIENCE),
        raise_for_status=True,
    ) as client:

        async def ask_on(session: Session) -> None:
            for text in left:
                started = time.perf_counter()
                await way.ask(client, session, text)
                seconds.append(time.perf_counter() - started)

        sessions = await asyncio.gather(*(way.open(client) for _ in range(at_once)))
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
    """Megabytes that the server's processes hold after the queries of the warm-up, and after `queries` more."""
    process = psutil.Process(pid)
    processes = [process, *process.children(recursive=True)]

    def after(n: int) -> float:
        asyncio.run(visit(url, way, list(itertools.islice(texts, n)), at_once=AT_ONCE))
        return sum(each.memory_info().rss for each in processes) / 1e6

    warm, end = after(WARM_UP), after(queries)
    return {"warm": warm, "end": end, "growth": end / warm - 1}
