"""Whether a page is as wide as its window, at several sizes of it."""

from playwright.sync_api import Page

SIZES = ((1440, 900), (768, 1024), (390, 844))  # wide first: what is pressed afterwards is pressed on the narrowest
# Returns after the page has drawn itself at this width and answered to it.
_RESIZED = """async (width) => {
  const frame = () => new Promise(requestAnimationFrame);
  do await frame(); while (innerWidth !== width);
  await frame();
}"""


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def overflows(page: Page) -> dict[tuple[int, int], int]:
    """The sizes at which the page is wider than its window, and by how many pixels; leaves it at the last size."""
    found = {}
    for size in SIZES:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.evaluate(_RESIZED, size[0])
        found[size] = overflow(page)
    return {size: pixels for size, pixels in found.items() if pixels > 0}
