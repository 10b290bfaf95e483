"""Measures the page in Chromium: what the first load weighs on the wire, and how long a visitor waits.

    python -m benchmarks.in_browser [--profile emoji] [--files]

Waits are from the press of a key or a button until what was asked for is drawn. The baseline of a weight is the same
page without compression; that of a wait is the time that the server needs for it.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, sync_playwright

from .served_page import served_page

CHROMIUM = os.environ.get("SAFECLIP_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 120_000  # milliseconds
TRIES = 5
_ALL_OF = """category => {
  const rows = [...document.querySelectorAll(".sc-row-head .sc-quiet")];
  return rows.length && rows.every(row => row.textContent.split(" · ").includes(category));
}"""
QUIET = 3000  # milliseconds without a new file, after which a page has come to rest


@dataclass
class Wire:
    """Bytes that came over the wire, headers included, by the path of what was fetched; `plain` is uncompressed."""

    files: dict[str, int] = field(default_factory=dict)
    plain: int = 0

    @classmethod
    def of(cls, page: Page) -> "Wire":
        """Listens to all that a page of the browser fetches from now on."""
        wire, names = cls(), {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda each: names.update({each["requestId"]: each["response"]["url"]}))
        session.on("Network.dataReceived", lambda each: wire._add_plain(each["dataLength"]))
        session.on("Network.loadingFinished", lambda each: wire._add(names.get(each["requestId"], ""), each))
        return wire

    @property
    def total(self) -> int:
        return sum(self.files.values())

    def _add_plain(self, size: int) -> None:
        self.plain += size

    def _add(self, url: str, finished: dict[str, Any]) -> None:
        if url.startswith("http"):
            name = url.split("/", 3)[-1].split("?")[0] or "the page itself"
            self.files[name] = self.files.get(name, 0) + int(finished["encodedDataLength"])


def seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def first_load(page: Page, url: str) -> tuple[Wire, float]:
    """What the first load weighs once the page has come to rest, and the seconds until its answer was drawn."""
    wire = Wire.of(page)

    def load() -> None:
        page.goto(url)
        page.wait_for_selector(".sc-view[data-state=done] .sc-card >> visible=true")

    drawn = seconds(load)
    known = -1
    while known != len(wire.files):  # Gradio's stream of heartbeats stays open, so the network is never idle
        known = len(wire.files)
        page.wait_for_timeout(QUIET)
    return wire, drawn


def first_answer(page: Page) -> float:
    """Seconds from the press of Compare to the answer of a question that nobody asked before."""
    text = "a panda with a balloon on the moon"
    page.locator("#sc-text input").fill(text)
    return seconds(
        lambda: (page.locator("#sc-go").click(), page.locator(".sc-query h2 >> visible=true", has_text=text).wait_for())
    )


def failures(page: Page) -> dict[str, float]:
    """Seconds of the Failures tab: its first screen, and the median of a filter."""
    tab = page.get_by_role("tab", name="Failures")
    first = seconds(lambda: (tab.click(), page.locator(".sc-row >> visible=true").first.wait_for()))
    bars = page.locator(".sc-bar-name >> visible=true").all_inner_texts()[:TRIES]
    return {"first screen": first, "filter": statistics.median(filtered(page, name) for name in bars)}


def filtered(page: Page, category: str) -> float:
    """Seconds from the choice of a category until all rows are of it."""
    chooser = page.get_by_label("Category").filter(visible=True).first
    chooser.fill(category)
    return seconds(lambda: (chooser.press("Enter"), page.wait_for_function(_ALL_OF, arg=category)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--files", action="store_true", help="list what the first load fetches, the heaviest first")
    options = parser.parse_args()
    with served_page(options.profile) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE)
        wire, drawn = first_load(page, served.url)
        size, plain = wire.total / 1000, wire.plain / 1000
        print(f"first load           {size:7.1f} kB in {len(wire.files)} files, {plain:.0f} kB uncompressed")
        print(f"first screen         {drawn:7.3f} s")
        if options.files:
            for name, size in sorted(wire.files.items(), key=lambda each: -each[1]):
                print(f"  {size / 1000:7.1f} kB  {name}")
        print(f"first answer         {first_answer(page):7.3f} s", flush=True)
        for name, taken in failures(page).items():
            print(f"failures, {name:11s}{taken:7.3f} s", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
