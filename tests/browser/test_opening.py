"""Tabs and links that open slowly: what the visitor has typed or begun since is kept, and the later link wins."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

import safeclip
from tests.fakes.serving import serve

pytestmark = pytest.mark.browser

MINE = "words of my own"
TEXTS = {"Retrieval": "#sc-text input", "Generation": "#sc-prompt input", "Captioning": "#sc-question input"}

# Gradio sets the controls of a newly opened tab once more in the frame after it is drawn; here that frame can be held.
FRAMES = """
    const ask = window.requestAnimationFrame.bind(window);
    let held;
    window.holdFrames = () => (held = []);
    window.requestAnimationFrame = (draw) => (held ? held.push(draw) : ask(draw));
    window.releaseFrames = () => {
        for (const draw of held) ask(draw);
        held = undefined;
        return new Promise((done) => ask(() => ask(done)));
    };
"""
# Notes the turns of the parcels that the page has taken.
NOTED = """() => {
    const { turns } = window.safeclip, { show } = turns;
    window.arrived = [];
    turns.show = (task, parcel) => { window.arrived.push(parcel.turn); return show(task, parcel); };
}"""
ARRIVED = "([turn, count]) => window.arrived.filter((each) => each === turn).length === count"


@pytest.fixture(scope="module")
def url(browser, talking_lab, painting_lab):
    """A page with all three tabs."""
    profile = dataclasses.replace(talking_lab.profile, generation=painting_lab.profile.generation)
    page, url = serve(safeclip.open(profile))
    yield url
    page.close()


@pytest.fixture
def links(talking_lab) -> dict[str, str]:
    """A link to a question of each tab."""
    item = talking_lab.gallery.items[4].image_id
    return {
        "Retrieval": "q=a+dog&k=5",
        "Generation": "paint=a+dog&seed=3",
        "Captioning": f"picture={item}&question=Where+is+it%3F",
    }


@contextmanager
def holding(page: Page, wanted: Callable[[dict], bool], *, answers: bool) -> Iterator[Callable[[], None]]:
    """Holds back the first call that is `wanted` by its event, or its answer. Yields what lets it go.

    That returns when the page has taken what it opens. Every tab hears of a link, one after the other.
    """
    held: list[tuple[dict, Callable[[], None]]] = []

    def hold(route: Route) -> None:
        event = (route.request.post_data_json or {}).get("event_data")
        if held or not isinstance(event, dict) or not wanted(event):
            route.continue_()
        elif answers:
            answer = route.fetch()
            held.append((event, lambda: route.fulfill(response=answer)))
        else:
            held.append((event, route.continue_))

    def let_go() -> None:
        while not held:
            page.evaluate("null")  # lets Playwright hear of the call
        page.evaluate(NOTED)
        ((event, go),) = held
        go()
        page.wait_for_function(ARRIVED, arg=[event["turn"], len(TEXTS)] if "link" in event else [0, 1])

    page.route("**/gradio_api/run/predict*", hold)
    yield let_go
    page.unroute("**/gradio_api/run/predict*", hold)


def is_link(event: dict) -> bool:
    return "link" in event


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def open_link(page: Page, link: str) -> None:
    """Opens a link without leaving the page, as a stop of the tour."""
    page.evaluate("link => window.safeclip.tour.show(window.safeclip.tour.stops.push({ link }) - 1)", link)


@pytest.mark.parametrize("tab", ["Generation", "Captioning"])
def test_what_is_typed_in_the_frame_after_a_tab_is_drawn_stays(visit, url, tab):
    page = visit(url, script=FRAMES)
    page.evaluate("window.holdFrames()")
    page.get_by_role("tab", name=tab).dispatch_event("click")
    box = page.locator(TEXTS[tab])
    box.fill(MINE)
    page.evaluate("window.releaseFrames()")
    expect(box).to_have_value(MINE)


@pytest.mark.parametrize("answers", [False, True], ids=["request", "answer"])
@pytest.mark.parametrize("tab", TEXTS)
def test_what_is_typed_while_a_link_opens_stays_beside_its_answer(visit, url, links, tab, answers):
    page = visit(url)
    with holding(page, is_link, answers=answers) as let_go:
        page.goto(f"{url}?{links[tab]}")
        open_tab(page, tab)
        page.locator(TEXTS[tab]).fill(MINE)
        let_go()
        answer = page.locator(".sc-view[data-state=done] h2 >> visible=true")
        expect(answer).to_have_text("Where is it?" if tab == "Captioning" else "a dog")
        expect(page.locator(TEXTS[tab])).to_have_value(MINE)


@pytest.mark.parametrize("answers", [False, True], ids=["request", "answer"])
def test_a_search_before_the_link_is_answered_uses_what_is_typed(visit, url, links, answers):
    page = visit(url)
    with holding(page, is_link, answers=answers) as let_go:
        page.goto(f"{url}?{links['Retrieval']}")
        page.locator(TEXTS["Retrieval"]).fill(MINE)
        page.locator("#sc-go").click()
        mine = page.locator(".sc-view[data-state=done][data-permalink*=words] h2")
        expect(mine).to_have_text(MINE)
        let_go()
        expect(mine).to_have_text(MINE)
        expect(page.locator(TEXTS["Retrieval"])).to_have_value(MINE)
        assert "words+of+my+own" in page.url and "k=8" in page.url


@pytest.mark.parametrize("answers", [False, True], ids=["request", "answer"])
def test_a_later_link_wins_over_an_earlier_one_and_over_what_is_typed(visit, url, answers):
    page = visit(url)
    with holding(page, lambda event: event.get("link") == "q=a+dog", answers=answers) as let_go:
        open_link(page, "q=a+dog")
        page.locator(TEXTS["Retrieval"]).fill(MINE)
        open_link(page, "q=a+robot")
        answer = page.locator(".sc-view[data-state=done] h2 >> visible=true")
        expect(answer).to_have_text("a robot")
        expect(page.locator(TEXTS["Retrieval"])).to_have_value("a robot")
        let_go()
        expect(answer).to_have_text("a robot")
        expect(page.locator(TEXTS["Retrieval"])).to_have_value("a robot")


@pytest.mark.parametrize("answers", [False, True], ids=["request", "answer"])
def test_a_first_screen_that_comes_late_is_not_drawn_over_an_answer(visit, url, answers):
    page = visit(url)
    with holding(page, lambda event: event.get("value") == "Generation", answers=answers) as let_go:
        open_tab(page, "Generation")
        page.locator(TEXTS["Generation"]).fill(MINE)
        page.locator("#sc-paint").click()
        mine = page.locator(".sc-generation[data-state=done] h2")
        expect(mine).to_have_text(MINE)
        let_go()
        expect(mine).to_have_text(MINE)


def test_words_go_along_to_a_tab_that_is_opened_for_the_first_time(visit, url):
    page = visit(f"{url}?q=a+dog")
    expect(page.locator(".sc-view[data-state=done] h2 >> visible=true")).to_have_text("a dog")
    open_tab(page, "Generation")
    expect(page.locator(TEXTS["Generation"])).to_have_value("a dog")
