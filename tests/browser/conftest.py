"""A browser and pages to drive: Debian's Chromium, and the tiny world served twice, openly and to an audience."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tests.fakes.serving import serve

CHROMIUM = os.environ.get("SAFECLIP_CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
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
        return self.page


@pytest.fixture
def visit(browser):
    """`visit(url, width, height, **context options)` opens the page; at the end nothing forbidden has happened.

    A `script` runs before those of the page.
    """
    opened = []

    def visit(url: str, width: int = 1440, height: int = 900, script: str = "", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.add_init_script(script)
        context.set_default_timeout(30_000)
        watched = Watched(context.new_page())
        opened.append((context, watched))
        return watched.open(url)

    yield visit
    for context, watched in opened:
        context.close()
        assert watched.faults == []
