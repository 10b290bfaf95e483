"""The served page from outside: /health for a load balancer, compression, and an end that loses no answer."""

import contextlib
import gc
import json
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.middleware import Middleware

from .common.blur_policy import BlurPolicy
from .common.traffic.compression import PageCompression

log = logging.getLogger(__name__)

HEALTH = "/health"
MALFORMED = "The request is malformed. “Use it from a program” in the page's footer says what an endpoint takes."
GRACE = 4.0  # seconds in which running answers may end; all of it is over in 5

App = Callable[[Any, Any, Any], Awaitable[None]]


class Health:
    """Whether the page takes questions; a load balancer asks for it at /health."""

    def __init__(self) -> None:
        self.stopping = False

    def reply(self) -> tuple[int, dict[str, str]]:
        """The status and content of the answer: 200 while questions are taken, 503 from the beginning of the end."""
        return (503, {"status": "stopping"}) if self.stopping else (200, {"status": "ok"})


class HealthMiddleware:
    """Answers /health before Gradio sees it, also behind a proxy that adds a path; passes everything else on."""

    def __init__(self, app: App, health: Health) -> None:
        self._app = app
        self._health = health

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != HEALTH:
            await self._app(scope, receive, send)
            return
        await _send_json(send, *self._health.reply())


class AddressMiddleware:
    """Keeps `page` in the address of the page from Gradio, which would take it for the name of another page.

    It is a number of a table's pages there, which the page's own script reads in the browser.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            kept = urlencode([(name, value) for name, value in query if name != "page"])
            scope = {**scope, "query_string": kept.encode("latin-1")}
        await self._app(scope, receive, send)


class FaultMiddleware:
    """Answers a request that breaks a route with 400 and one sentence: a malformed one, as the page sends none.

    The server would write its content and a stack trace into the log, and answer with 500.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        begun = False

        async def noting(message: Mapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            log.error("a request to %s failed with %s", scope.get("path"), type(error).__name__)
            if scope["type"] == "http" and not begun:
                await _send_json(send, 400, {"error": MALFORMED})


def middleware(health: Health) -> list[Middleware]:
    """What stands before Gradio."""
    return [
        Middleware(HealthMiddleware, health=health),
        Middleware(PageCompression),
        Middleware(FaultMiddleware),
        Middleware(AddressMiddleware),
    ]


async def _send_json(send: Any, status: int, content: Mapping[str, str]) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


class Served(Protocol):
    """A page that is served, with its tabs by task and the policy that blurs its images."""

    health: Health
    tabs: dict[str, Any]
    blur_policy: BlurPolicy

    @property
    def unsent(self) -> bool: ...

    def close(self, verbose: bool = True) -> None: ...


def settle(page: Served) -> None:
    """Makes a page that was just built ready for a crowd.

    What lives as long as the page, some 700,000 objects, is kept out of Python's searches for garbage: each would hold
    up every answer for a third of a second. Images are blurred and cards are drawn in the background, and then kept
    out of them too.
    """
    gc.collect()
    gc.freeze()

    def prepare() -> None:
        page.blur_policy.prepare()
        for tab in page.tabs.values():
            tab.view.prepare()
        gc.freeze()

    threading.Thread(target=prepare, daemon=True).start()


def told_to_end() -> threading.Event:
    """Is set once the process is told to end: by Ctrl-C, or by whoever started it."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told


def wait_and_close(page: Served) -> None:
    """Waits until the process is told to end, lets running answers end or say that they were stopped, and closes."""
    told = told_to_end()
    while not told.wait(0.5):  # with a limit: on Windows a wait without one hears no signal
        pass
    close(page)


def close(page: Served, grace: float = GRACE) -> bool:
    """Ends the page within about `grace` seconds. Returns whether every running answer has ended by then."""
    page.health.stopping = True
    until = time.monotonic() + grace
    for tab in page.tabs.values():
        tab.stop_runs(0.0)  # all are told before any is waited for
    ended = [tab.stop_runs(max(0.0, until - time.monotonic())) for tab in page.tabs.values()]
    while page.unsent and time.monotonic() < until:  # Gradio drops what it has not sent when it is closed
        time.sleep(0.02)
    with contextlib.suppress(Exception):  # of a server that is half closed already
        page.close(verbose=False)
    return all(ended)
