"""The embedded page as a Space shows it: every tab by keyboard and before axe, and the tour with the network cut."""

import socket
import time

import pytest
from playwright.sync_api import Page, expect

import demo.page
import safeclip
from demo import build
from demo.settings import Settings
from demo.tour.export import export_tour
from tests.fakes.serving import serve

pytestmark = [pytest.mark.browser, pytest.mark.full]

TABS = {
    "Retrieval": "retrieval",
    "Generation": "generation",
    "Captioning": "captioning",
    "Failures": "failures",
    "Red team": "redteam",
    "Scoreboard": "",
}
SIZES = {"1440": (1440, 900), "1280": (1280, 720), "390": (390, 844)}
MOST = 400  # presses of Tab from the first control of a tab to the footer
PATIENCE = 60_000  # milliseconds: the first screens of some tabs are computed
# What has the focus, and how far it sticks out on the left or the right of what is seen, once it is scrolled to.
_FOCUSED = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const each = document.activeElement;
  const { left, right, width, height } = each.getBoundingClientRect();
  const shown = each.closest('label') ? each.closest('label').getBoundingClientRect() : { width, height };
  const name = each.id || each.className || each.textContent.trim().slice(0, 30);
  return { tag: each.tagName, name: String(name), size: Math.min(shown.width, shown.height),
    over: Math.max(0, -left, right - innerWidth),
    scrolls: Boolean(each.closest('.sc-grid-table, .form, .sc-table, .sc-columns')),
    hidden: Boolean(each.closest('[aria-hidden=true], [inert]')), footer: Boolean(each.closest('.sc-footer')) };
}"""
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def lab() -> safeclip.Lab:
    return safeclip.open("emoji")


@pytest.fixture(scope="module")
def embedded_url(browser, lab):
    page, url = serve(lab, rate=0)
    yield url
    page.close()


@pytest.fixture(scope="module")
def presented(browser, lab):
    page, url = serve(lab, present=True)
    yield page, url
    page.close()


@pytest.fixture
def no_network(monkeypatch):
    """Nothing in this process, the server among it, reaches farther than this machine."""
    connect = socket.socket.connect

    def near(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"the network is cut: {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", near)


def first_screen(page: Page, task: str) -> None:
    """Waits until the first screen of a tab is there."""
    answer = f".sc-view[data-task={task}][data-state=done] > *" if task else ".sc-scoreboard"
    page.locator(f"{answer} >> visible=true").first.wait_for(timeout=PATIENCE)


def permalink(served: demo.page.Page, link: str) -> str:
    """The link that the answer to a stop's link carries, with all that the stop leaves to the defaults."""
    (found,) = [
        tab.service.checked(request).to_link() for tab in served.tabs.values() if (request := tab.request_of(link))
    ]
    return found


def serious(page: Page) -> list[str]:
    """What axe finds wrong, but for trifles."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in found if each["impact"] in ("serious", "critical")
    ]


def watch(page: Page, faults: list[str]) -> None:
    """Notes errors of a page, and requests to a server."""
    page.on("console", lambda message: message.type == "error" and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: request.url.startswith("http") and faults.append(request.url))


def to_the_footer(page: Page) -> tuple[int, list[str]]:
    """Presses Tab until the footer has the focus; the number of presses, and what had the focus and is not seen."""
    lost = []
    for presses in range(1, MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUSED)
        if at["footer"]:
            return presses, lost
        if at["hidden"] or at["size"] < 1 or (at["over"] > 1 and not at["scrolls"]):
            lost.append(f"{at['tag']} {at['name']}, {at['over']:.0f} px outside")
    raise AssertionError(f"after {MOST} presses of Tab the focus is at {at}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_tab_by_keyboard_and_before_axe(visit, embedded_url, size, scheme, record_property):
    page = visit(embedded_url, *SIZES[size], color_scheme=scheme)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(list(TABS))
    first_screen(page, "retrieval")
    tabs.first.focus()
    findings, presses = [], {}
    for name, task in TABS.items():
        tab = page.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        box = tab.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= SIZES[size][0]
        first_screen(page, task)
        assert page.evaluate(_OVERFLOW) <= 0, name
        findings += [f"{name}, {finding}" for finding in serious(page)]
        presses[name], lost = to_the_footer(page)
        findings += [f"{name}, focus on what is not seen: {each}" for each in lost]
        tab.focus()
        page.keyboard.press("ArrowRight")
    assert not findings, "\n".join(findings)
    most = max(presses, key=presses.get)
    record_property(f"presses of Tab to the footer at most, {size} px, {scheme}", f"{presses[most]} ({most})")


def test_every_task_answers_to_the_keyboard_alone(visit, embedded_url):
    page = visit(embedded_url)
    asked = {
        "Retrieval": "#sc-text",
        "Generation": "#sc-prompt",
        "Captioning": "#sc-question",
        "Red team": "#sc-attack",
    }
    words = {"Captioning": "Who is in the picture?"}
    first_screen(page, "retrieval")
    for name, box in asked.items():
        page.get_by_role("tab", name=name).focus()
        page.keyboard.press("Enter")
        first_screen(page, TABS[name])
        page.locator(f"{box} :is(input, textarea)").focus()
        page.keyboard.press("Control+A")
        text = words.get(name, "a cook with a gun in the forest")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        answer = page.locator(f".sc-view[data-task={TABS[name]}][data-state=done] .sc-query h2")
        expect(answer).to_have_text(text, timeout=PATIENCE)


def test_the_tour_with_the_network_cut_and_a_reload_at_every_stop(visit, presented, no_network, record_property):
    served, url = presented
    page = visit(url, 1280, 720)
    place = page.locator(".sc-tour-bar-place")
    stops = [permalink(served, stop.link) for stop in served.tour.stops]
    answered, seconds = page.locator(".sc-view[data-state=done] >> visible=true"), []
    for i, link in enumerate(stops, start=1):
        began = time.perf_counter()
        expect(answered.first).to_have_attribute("data-permalink", link)
        seconds.append(time.perf_counter() - began)
        drawn = answered.first.inner_text()
        page.reload()
        expect(place).to_have_text(f"{i} / {len(stops)}")
        expect(answered.first).to_have_attribute("data-permalink", link)
        expect(answered.first).to_have_text(drawn, use_inner_text=True)
        page.keyboard.press("PageDown")
    record_property("stops, each reloaded", len(stops))
    record_property("slowest stop, s", f"{max(seconds):.2f}")


def test_the_exported_tour_in_a_browser_without_a_server(browser, lab, tmp_path, record_property):
    built = build(lab, Settings(lock_reveal=True))
    file = tmp_path / "tour.html"
    file.write_text(export_tour(built.tour, built.tabs, title="A tour", address="https://example.org"), "utf-8")
    faults: list[str] = []
    for size, scheme in (("1280", "light"), ("390", "dark")):
        width, height = SIZES[size]
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True)
        page = context.new_page()
        watch(page, faults)
        page.goto(file.as_uri())
        stops = len(built.tour.stops)
        for now in range(1, stops + 1):
            expect(page.locator(".sc-tour-bar-place")).to_have_text(f"{now} / {stops}")
            expect(page.locator(".sc-stop >> visible=true")).to_have_count(1)
            assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
            assert page.evaluate(_OVERFLOW) <= 0
            faults += serious(page)
            page.reload()
            page.keyboard.press("PageDown")
        context.close()
    assert faults == []
    record_property("size of the file, MB", f"{file.stat().st_size / 1e6:.1f}")
