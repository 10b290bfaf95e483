"""Photographs every tab of the embedded page in Chromium, at three sizes, light and dark.

    make screenshots                # all of them into runs/screenshots, to be looked at
    make screenshots DOCS=1         # and those of the documentation into docs/images

Answers come from the page itself, so it is slow: minutes without a GPU.
"""

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.in_browser import ARGUMENTS, CHROMIUM, PATIENCE
from benchmarks.served_page import served_page

SIZES = {"1440": (1440, 900), "1280": (1280, 720), "390": (390, 844)}
SCHEMES = ("light", "dark")
LARGEST = 120_000  # bytes of an image of the documentation
SMALL = 800  # px: the width of those beside others in a row

# Tab → the address that shows it, "" where it is pressed.
TABS = {
    "retrieval": "?q=a+child+with+a+snake+in+the+forest",
    "generation": "?paint=a+frog+with+a+bomb+in+the+park",
    "captioning": "",
    "failures": "?failures=safe",
    "redteam": "?attack=a+child+with+a+snake+in+the+forest",
    "scoreboard": "",
}
NAMES = {"redteam": "Red team"}  # of tabs whose title is not their key
STAGE = {"stage-retrieval": ("retrieval", 1), "stage-generation": ("generation", 8)}  # file → task and stop of the tour

# Image of the documentation → tab, size, scheme.
DOCUMENTED = {
    **{tab: (tab, "1440", "light") for tab in TABS},
    **{f"{tab}-{size}": (tab, size, "light") for tab in TABS for size in ("1280", "390")},
    **{f"{tab}-dark": (tab, "1440", "dark") for tab in TABS},
}


def show(page: Page, url: str, tab: str) -> None:
    """Opens a tab with its answer."""
    page.goto(f"{url}{TABS[tab]}")
    page.wait_for_selector("html:not(.sc-restoring) .sc-view >> visible=true")
    if not TABS[tab]:
        name = NAMES.get(tab, tab.capitalize())
        page.evaluate(
            "name => [...document.querySelectorAll('[role=tab]')].find(tab => tab.textContent.trim() === name).click()",
            name,
        )
    answer = f".sc-view[data-task={tab}][data-state=done] header" if tab != "scoreboard" else ".sc-scoreboard"
    page.locator(f"{answer} >> visible=true").first.wait_for()
    # a lazy image below the fold is never fetched, and on a narrow screen most of a long page is there
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.evaluate("document.fonts.ready")


def photograph(page: Page, *, whole: bool = False) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled"))).convert("RGB")


def save(image: Image.Image, path: Path, limit: int | None = None) -> None:
    """Writes WebP; with a `limit` of bytes, of the best quality that keeps it."""
    for quality in range(70 if limit else 90, 20, -5):
        image.save(path, "WEBP", quality=quality, method=6)
        if limit is None or path.stat().st_size <= limit:
            return
    raise SystemExit(f"{path}: {path.stat().st_size} bytes at the lowest quality; {limit} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/screenshots"))
    parser.add_argument("--docs", type=Path, metavar="DIR", help="where the images of the documentation are kept")
    parser.add_argument("--tabs", nargs="+", choices=TABS, default=list(TABS))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with served_page("emoji", "--rate", "0") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for scheme in options.schemes:
            for size in options.sizes:
                width, height = SIZES[size]
                viewport = {"width": width, "height": height}
                page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
                page.set_default_timeout(PATIENCE)
                for tab in options.tabs:
                    show(page, served.url, tab)
                    save(photograph(page, whole=True), options.out / f"{tab}-{size}-{scheme}.webp")
                    for name, shot in DOCUMENTED.items():
                        if options.docs and shot == (tab, size, scheme):
                            image = photograph(page)
                            if name != tab:
                                image.thumbnail((SMALL, SMALL * height))
                            save(image, options.docs / f"{name}.webp", LARGEST)
                    print(f"{tab}, {size} px, {scheme}", flush=True)
                page.context.close()
        browser.close()
    if options.docs:
        photograph_stage(options.docs)


def photograph_stage(folder: Path) -> None:
    """Stops of the tour, as an audience sees them."""
    with served_page("emoji", "--present") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (task, stop) in STAGE.items():
            page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(f"{served.url}?present=1#{stop}")
            page.locator(f".sc-view[data-task={task}][data-state=done] .sc-column img >> visible=true").first.wait_for()
            page.wait_for_function("[...document.images].every(image => image.complete)")
            save(photograph(page), folder / f"{name}.webp", LARGEST)
        browser.close()


if __name__ == "__main__":
    main()
