"""What comes slowly keeps what the visitor has typed or begun since, and the later of two answers wins."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import safeclip
from safeclip.index_making import IndexMaking, MakingStep
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
# Opens a tab as soon as there are any, before Gradio has raised the page's load events, and holds the frames after it.
EARLY = (
    FRAMES
    + """
    new MutationObserver((_, self) => {
        const tab = [...document.querySelectorAll("[role=tab]")].find((each) => each.textContent.includes("TAB"));
        if (!tab) return;
        self.disconnect();
        window.holdFrames();
        tab.click();
    }).observe(document, { childList: true, subtree: true });
"""
)
# Notes the turns of the parcels that the page has taken.
NOTED = """() => {
    const { turns } = window.safeclip, { show } = turns;
    window.arrived = [];
    turns.show = (task, parcel) => { window.arrived.push(parcel.turn); return show(task, parcel); };
}"""
ARRIVED = "([turn, count]) => window.arrived.filter((each) => each === turn).length >= count"


@pytest.fixture(scope="module")
def url(browser, talking_lab, painting_lab):
    """A page with all three tabs."""
    profile = dataclasses.replace(talking_lab.profile, generation=painting_lab.profile.generation)
    page, url = serve(safeclip.open(profile))
    yield url
    page.close()


@pytest.fixture(scope="module")
def search_url(browser, tiny_lab):
    """A page with the tab of retrieval alone."""
    page, url = serve(tiny_lab)
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
    """Holds back the first call that is `wanted`, or its answer. Yields what lets it go.

    That returns when the page has taken what it brings. Every tab hears of a link, one after the other.
    """
    held: list[tuple[dict, Callable[[], None]]] = []

    def hold(route: Route) -> None:
        call = route.request.post_data_json or {}
        if held or not wanted(call):
            route.continue_()
        elif answers:
            answer = route.fetch()
            held.append((call, lambda: route.fulfill(response=answer)))
        else:
            held.append((call, route.continue_))

    def let_go() -> None:
        while not held:
            page.evaluate("null")  # lets Playwright hear of the call
        page.evaluate(NOTED)
        ((call, go),) = held
        go()
        page.wait_for_function(ARRIVED, arg=arriving(call))

    page.route("**/gradio_api/run/predict*", hold)
    yield let_go
    page.unroute("**/gradio_api/run/predict*", hold)


def event_of(call: dict) -> dict:
    """The data of a call's event; empty where it carries none."""
    event = call.get("event_data")
    return event if isinstance(event, dict) else {}


def arriving(call: dict) -> tuple[int, int]:
    """The turn of the parcels that answer a call, and how many there are at least: a run that follows has its own."""
    event = event_of(call)
    if "link" in event:
        return event["turn"], len(TEXTS)
    return (0, 1) if event.get("value") in TEXTS else (call["data"][-1], 1)


def is_link(call: dict) -> bool:
    return "link" in event_of(call)


def is_chosen(call: dict) -> bool:
    """Whether an example, or an earlier answer, was chosen."""
    return "index" in event_of(call) and "value" not in event_of(call)  # which that of a tab has too


def answer_of(page: Page) -> Locator:
    return page.locator(".sc-view[data-state=done] h2 >> visible=true")


def opacity(page: Page) -> str:
    return page.locator(".sc-view >> visible=true").evaluate("view => getComputedStyle(view).opacity")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def open_link(page: Page, link: str) -> None:
    """Opens a link without leaving the page, as a stop of the tour."""
    page.evaluate("link => window.safeclip.tour.show(window.safeclip.tour.stops.push({ link }) - 1)", link)


@pytest.mark.parametrize("tab, early", [("Generation", True), ("Captioning", False)], ids=["starting", "started"])
def test_what_is_typed_in_the_frame_after_a_tab_is_drawn_stays(visit, url, tab, early):
    """Also where the page was still starting when the tab was opened."""
    page = visit(url, script=EARLY.replace("TAB", tab) if early else FRAMES)
    if not early:
        page.evaluate("window.holdFrames()")
        page.get_by_role("tab", name=tab).dispatch_event("click")
    box = page.locator(TEXTS[tab])
    box.fill(MINE)
    page.evaluate("window.releaseFrames()")
    expect(box).to_have_value(MINE)


@pytest.mark.parametrize("tab, answers", [("Retrieval", True), ("Generation", False), ("Captioning", True)])
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


def test_the_opening_example_is_hidden_until_the_link_has_its_answer(visit, url, links):
    page = visit(url)
    with holding(page, is_link, answers=True) as let_go:
        page.goto(f"{url}?{links['Retrieval']}")
        page.wait_for_selector(".sc-view >> visible=true")
        assert opacity(page) == "0"
        let_go()
        expect(answer_of(page)).to_have_text("a dog")
        assert opacity(page) == "1"


@pytest.mark.parametrize("link", ["q=", "q=+&k=5", "q=a+dog&q=", "picture=", "picture=abc", "k=5"])
def test_an_address_that_asks_nothing_of_the_page_shows_the_opening_example_at_once(visit, search_url, link):
    """Its subject is blank, or that of a tab which the page does not have."""
    page = visit(f"{search_url}?{link}")
    assert opacity(page) == "1"
    expect(answer_of(page)).to_have_count(1)


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
    with holding(page, lambda call: event_of(call).get("link") == "q=a+dog", answers=answers) as let_go:
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
    with holding(page, lambda call: event_of(call).get("value") == "Generation", answers=answers) as let_go:
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


def test_what_is_typed_stays_when_the_tab_is_left_and_opened_again(visit, url):
    page = visit(url)
    page.locator(TEXTS["Retrieval"]).fill("a robot")
    page.locator("#sc-go").click()
    expect(answer_of(page)).to_have_text("a robot")
    open_tab(page, "Generation")
    expect(page.locator(TEXTS["Generation"])).to_have_value("a robot")
    page.locator(TEXTS["Generation"]).fill(MINE)
    open_tab(page, "Retrieval")
    expect(page.locator(TEXTS["Retrieval"])).to_have_value("a robot")
    open_tab(page, "Generation")
    expect(page.locator(TEXTS["Generation"])).to_have_value(MINE)


def test_the_address_is_that_of_the_tab_which_is_open(visit, url):
    page = visit(f"{url}?paint=a+dog&seed=1")
    expect(answer_of(page)).to_have_text("a dog")
    box, go = page.locator(TEXTS["Retrieval"]), page.locator("#sc-go")
    open_tab(page, "Retrieval")
    box.fill("a robot")
    with holding(page, lambda call: "a robot" in call["data"], answers=True) as let_go:
        go.click()
        open_tab(page, "Generation")
        expect(page).to_have_url(re.compile("paint=a\\+dog"))
        let_go()
        expect(page.locator(".sc-view[data-permalink*=robot]")).to_have_count(1)
        assert "q=" not in page.url and "paint=a+dog" in page.url
    open_tab(page, "Retrieval")
    expect(page).to_have_url(re.compile("q=a\\+robot"))
    assert "paint=" not in page.url


@pytest.fixture(scope="module")
def large_url(browser, tiny_lab):
    """A page whose encoders are large: its searches wait in the queue, and are shown to be at work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("demo.retrieval.service.LARGE", 0)
        page, url = serve(tiny_lab)
    yield url
    page.close()


@pytest.mark.parametrize("size, answers", [("small", True), ("large", False)])
def test_what_is_typed_after_an_example_is_pressed_stays_beside_its_answer(visit, request, size, answers):
    page = visit(request.getfixturevalue("url" if size == "small" else "large_url"))
    first = answer_of(page).inner_text()
    with holding(page, is_chosen, answers=answers) as let_go:
        page.locator(".sc-chip[aria-pressed=false] >> visible=true").first.click()
        page.locator(TEXTS["Retrieval"]).fill(MINE)
        let_go()
        expect(answer_of(page)).not_to_have_text(first)
        expect(answer_of(page)).not_to_have_text(MINE)
        expect(page.locator(TEXTS["Retrieval"])).to_have_value(MINE)


@pytest.mark.parametrize("size, answers", [("small", True), ("large", False)])
def test_an_answer_that_is_overtaken_is_not_drawn(visit, request, size, answers):
    page = visit(request.getfixturevalue("url" if size == "small" else "large_url"))
    box, go = page.locator(TEXTS["Retrieval"]), page.locator("#sc-go")
    with holding(page, lambda call: "an early dog" in call["data"], answers=answers) as let_go:
        box.fill("an early dog")
        go.click()
        expect(page.locator(".sc-view-box[aria-busy=true]")).to_have_count(1)
        box.fill("a late robot")
        go.click()
        expect(answer_of(page)).to_have_text("a late robot")
        expect(page.locator(".sc-view-box[aria-busy=true]")).to_have_count(0)
        let_go()
        expect(answer_of(page)).to_have_text("a late robot")
        assert "a+late+robot" in page.url


def test_large_encoders_are_asked_by_links_and_examples_and_tell_what_is_wrong(visit, large_url):
    page = visit(f"{large_url}?q=a+dog&k=5")
    expect(answer_of(page)).to_have_text("a dog")
    expect(page.locator("[data-seat=safe] .sc-card")).to_have_count(5)
    page.locator(TEXTS["Retrieval"]).fill("")
    page.locator("#sc-go").click()
    expect(page.locator(".sc-fault")).to_contain_text("Type a few words")
    expect(answer_of(page)).to_have_text("a dog")  # an error stands beside it
    page.locator(TEXTS["Retrieval"]).fill(MINE)
    page.locator("#sc-go").click()
    expect(answer_of(page)).to_have_text(MINE)
    expect(page.locator(".sc-fault")).to_have_count(0)


def test_an_earlier_answer_that_is_chosen_again_has_its_turn(visit, url):
    """It is drawn where it is the last that was chosen, and not over what was begun later."""
    page = visit(f"{url}?paint=a+dog&seed=1")
    expect(answer_of(page)).to_have_text("a dog")
    box, paint = page.locator(TEXTS["Generation"]), page.locator("#sc-paint")
    box.fill("a robot")
    paint.click()
    expect(answer_of(page)).to_have_text("a robot")
    earlier = page.locator(".sc-visit-box button", has_text="a dog").first
    earlier.click()
    expect(answer_of(page)).to_have_text("a dog")
    expect(box).to_have_value("a dog")
    with holding(page, is_chosen, answers=True) as let_go:
        earlier.click()
        box.fill(MINE)
        paint.click()
        expect(answer_of(page)).to_have_text(MINE)
        let_go()
        expect(answer_of(page)).to_have_text(MINE)
        expect(box).to_have_value(MINE)


def test_an_answer_that_a_link_finds_already_made_is_among_the_earlier_ones(visit, url):
    link = f"{url}?paint=a+cat&seed=2"
    expect(answer_of(visit(link))).to_have_text("a cat")
    page = visit(link)
    expect(answer_of(page)).to_have_text("a cat")
    expect(page.locator(".sc-visit-box button", has_text="a cat")).to_have_count(1)
    expect(page.locator("html.sc-restoring")).to_have_count(0)
    expect(page.locator(".sc-chip[aria-pressed=true] >> visible=true")).to_have_count(0)
    assert "made=" in page.url, "the address is that of the answer, though it was there before the tab"


def test_a_link_to_a_picture_that_is_gone_says_so_once(visit, url):
    page = visit(url)
    for name in ("item", "picture"):
        open_link(page, f"{name}={'0' * 16}")
        expect(page.locator(".sc-fault >> visible=true")).to_have_text(re.compile(f"has no picture “{'0' * 16}”"))
        expect(page.locator(".sc-column, .sc-seen, .toast-body >> visible=true")).to_have_count(0)


@pytest.fixture
def early(browser, tiny_lab):
    """A page whose index is still being made, and the making."""
    making = IndexMaking(tiny_lab, lambda lab, report: None)
    making.step = MakingStep("loading the models")
    page, url = serve(tiny_lab, making)
    yield url, making
    page.close()


def test_the_first_answer_of_a_page_that_was_opened_too_early_has_its_turn(early, visit):
    """It answers what the controls say by then, and gives way to what is asked after it."""
    url, making = early
    page = visit(url)
    page.locator(TEXTS["Retrieval"]).fill(MINE)
    page.locator("#sc-go").click()
    expect(page.locator(".sc-fault")).to_be_visible()  # nothing can be searched yet
    making.step = MakingStep("embedding images", 9, 100, searchable=9)
    expect(answer_of(page)).to_have_text(MINE)
    page.locator(TEXTS["Retrieval"]).fill("a robot")
    page.locator("#sc-go").click()
    expect(answer_of(page)).to_have_text("a robot")
