"""A browser and pages to drive: Debian's Chromium, and the tiny world served twice, openly and to an audience."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tests.fakes.serving import serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("SAFECLIP_CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--process-per-site",  # the resting page keeps the process, and what it has compiled, for the pages after it
]


@pytest.fixture(scope="session")
def browser(tiny_lab):
    """Started after the tiny world is made: a tokenizer that trains beside Playwright's event loop can hang."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install Debian's package, or name another in SAFECLIP_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=12_000)  # machines that run tests are busy machines
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def url(tiny_lab):
    page, url = serve(tiny_lab)
    yield url
    page.close()


@pytest.fixture(scope="session")
def presented_url(tiny_lab):
    page, url = serve(tiny_lab, present=True)
    yield url
    page.close()


# Notes how much the browser has kept for the page, before the page's own scripts run.
_FOUND = "window.found = localStorage.length + sessionStorage.length + document.cookie.length;"


class Watched:
    """A browser page that notes what must not happen: errors, and requests to anywhere but this machine."""

    def __init__(self, page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", self._check)
        page.on("response", lambda r: r.status >= 400 and self.faults.append(f"{r.status} {r.url}"))

    def _check(self, request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.faults.append(f"left this machine: {request.url}")

    def open(self, url: str):
        self.page.goto(url)
        self.page.wait_for_selector(".sc-view >> visible=true")
        assert self.page.evaluate("window.found") == 0, "the browser has kept something of the test before"
        return self.page


class Visitor:
    """A browser context that one test after the other uses: files are fetched and compiled once for all of them.

    What a page keeps in the browser is gone when the next test begins.
    """

    def __init__(self, browser: "Browser") -> None:
        self.context = new_context(browser)
        self._resting: Page | None = None

    def enter(self, url: str) -> "BrowserContext":
        """The context as a new one would be for the pages of this address."""
        if self._resting is None:
            self._resting = self.context.new_page()
            self._session = self.context.new_cdp_session(self._resting)
        self._session.send("Storage.clearDataForOrigin", {"origin": _origin(url), "storageTypes": "all"})
        self._resting.goto(f"{_origin(url)}/favicon.ico")
        self._resting.evaluate("localStorage.clear()")  # at once: all pages share one process
        self.context.clear_cookies()
        self.context.clear_permissions()
        assert self.context.cookies() == []
        return self.context

    def leave(self) -> None:
        """Closes what the test has opened."""
        for page in self.context.pages:
            if page is not self._resting:
                page.close()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def new_context(browser: "Browser") -> "BrowserContext":
    context = browser.new_context()
    context.set_default_timeout(30_000)
    return context


@pytest.fixture(scope="session")
def visitor(browser) -> Iterator[Visitor]:
    visitor = Visitor(browser)
    yield visitor
    visitor.context.close()


@pytest.fixture
def visit(browser, visitor):
    """`visit(url, width, height, ...)` opens the page; at the end nothing forbidden has happened.

    A `script` runs before those of the page. A second visit of a test is that of someone else, in a context of its own.
    """
    watched, others = [], []

    def visit(url: str, width: int = 1440, height: int = 900, script: str = "", permissions=(), color_scheme="light"):
        if watched:
            others.append(context := new_context(browser))
        else:
            context = visitor.enter(url)
        context.grant_permissions(list(permissions))
        page = context.new_page()
        watched.append(Watched(page))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        page.add_init_script(_FOUND + script)
        return watched[-1].open(url)

    yield visit
    visitor.leave()
    for context in others:
        context.close()
    assert [fault for each in watched for fault in each.faults] == []
