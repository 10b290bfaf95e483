"""The stage: the tour by keys, on the page and in the exported file, without a network."""

import pytest
from playwright.sync_api import Page, expect

from demo.common.blur_policy import data_uri
from demo.tour.export import export_tour
from tests.browser import fitting

pytestmark = pytest.mark.browser


def place(page: Page):
    return page.locator(".sc-tour-bar-place")


def heading(page: Page):
    return page.locator(".sc-view[data-state=done] .sc-query h2")


def ask(page: Page, text: str) -> None:
    page.locator("#sc-text input").fill(text)
    page.locator("#sc-text input").press("Enter")
    expect(heading(page)).to_have_text(text)


@pytest.fixture
def stage(visit, presented_url):
    page = visit(presented_url, 1280, 720)
    expect(place(page)).to_have_text("1 / 4")
    expect(page.locator(".sc-view[data-turn][data-state=done]")).to_be_visible()  # the first stop is answered
    return page


def test_the_tour_goes_on_by_keys_wherever_the_focus_is_and_outlasts_reloads(stage, tiny_lab):
    headings = []
    for key, now in (("PageDown", 2), ("ArrowRight", 3), ("PageUp", 2), ("End", 4)):
        stage.keyboard.press(key)
        expect(place(stage)).to_have_text(f"{now} / 4")
        link = stage.evaluate("window.safeclip.tour.stops[Number(location.hash.slice(1)) - 1].link")
        expect(stage.locator(".sc-view[data-state=done]")).to_have_attribute("data-permalink", link)
        headings.append(heading(stage).inner_text())
        stage.reload()
        expect(place(stage)).to_have_text(f"{now} / 4")
        expect(heading(stage)).to_have_text(headings[-1])
    assert headings[0] == headings[2]
    sources = stage.locator("img").evaluate_all("images => images.map(image => image.src)")
    unsafe = [item for item in tiny_lab.gallery.items if item.unsafe]
    assert not {data_uri(tiny_lab.gallery.image_bytes(item.image_id)) for item in unsafe} & set(sources)
    expect(stage.locator(".sc-code svg")).to_be_visible()  # at the last stop


def test_controls_come_and_go_and_a_text_box_keeps_its_arrows(stage):
    expect(heading(stage)).to_be_visible()
    expect(stage.locator("#sc-text")).to_be_hidden()
    stage.keyboard.press("c")
    box = stage.locator("#sc-text input")
    box.press("ArrowRight")
    expect(place(stage)).to_have_text("1 / 4")
    ask(stage, "a dog")
    stage.get_by_role("radio", name="Captions").check(force=True)
    expect(stage.locator(".sc-cards-captions")).to_have_count(3)
    stage.keyboard.press("ArrowRight")  # the radio has the focus, and the tour the key
    expect(place(stage)).to_have_text("2 / 4")


def test_a_key_leads_back_to_the_stop_and_the_code_lies_over_its_answer_alone(stage):
    code = stage.locator(".sc-code")
    expect(code.locator("figcaption")).to_contain_text("Scan for the paper: https://arxiv.org")
    stage.keyboard.press("End")
    link = stage.evaluate("window.safeclip.tour.stops.at(-1).link")
    stop = stage.locator(f'.sc-view[data-state=done][data-permalink="{link}"]')
    expect(stop).to_be_visible()
    expect(code).to_be_visible()
    for key in ("0", "ArrowRight", "End"):
        stage.keyboard.press(str(stage.get_by_role("tab", include_hidden=True).count()))
        expect(stop).to_be_hidden()
        expect(code).to_be_hidden()
        stage.keyboard.press(key)
        expect(stop).to_be_visible()
        expect(code).to_be_visible()
    stage.keyboard.press("c")
    expect(code).to_be_hidden()
    stage.locator(".sc-chip >> visible=true").first.click()
    expect(stop).to_have_count(0)
    stage.keyboard.press("c")
    expect(code).to_be_hidden()
    expect(place(stage)).to_have_text("4 / 4")


def test_the_code_covers_nothing_of_the_last_stops_answer(stage):
    stage.keyboard.press("End")
    expect(stage.locator(".sc-code")).to_be_visible()
    left = stage.locator(".sc-code").bounding_box()["x"]
    boxes = [card.bounding_box() for card in stage.locator(".sc-column .sc-card").all()]
    assert boxes
    assert max(box["x"] + box["width"] for box in boxes) < left


@pytest.mark.parametrize("width", [390, 768])
def test_on_a_narrow_screen_the_code_follows_the_answer_clear_of_the_bar(stage, width):
    stage.set_viewport_size({"width": width, "height": 844})
    stage.keyboard.press("End")
    code = stage.locator(".sc-code")
    expect(code).to_be_visible()
    stage.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    box, bar = code.bounding_box(), stage.locator(".sc-tour-bar").bounding_box()
    cards = [card.bounding_box() for card in stage.locator(".sc-column .sc-card").all()]
    assert max(card["y"] + card["height"] for card in cards) <= box["y"]
    assert box["y"] + box["height"] <= bar["y"] and bar["height"] < 150
    assert fitting.overflow(stage) == 0


def test_blank_tabs_and_clock(stage):
    blank = stage.locator(".sc-blank")
    stage.keyboard.press("b")
    expect(blank).to_be_visible()
    stage.keyboard.press(".")
    expect(blank).to_be_hidden()
    stage.keyboard.press(str(stage.get_by_role("tab", include_hidden=True).count()))
    expect(stage.locator(".sc-scoreboard")).to_be_visible()
    expect(stage.locator(".sc-tour-bar time")).to_contain_text("/ 1:20")


def test_three_whole_cards_a_seat_fit_above_the_bar(stage):
    top = stage.locator(".sc-tour-bar").bounding_box()["y"]
    for column in stage.locator(".sc-column").all():
        boxes = [card.bounding_box() for card in column.locator(".sc-card").all()]
        assert sum(box["y"] >= 0 and box["y"] + box["height"] <= top for box in boxes) >= 3


def test_notes_in_a_second_window_follow_and_lead(stage):
    with stage.expect_popup() as opened:
        stage.keyboard.press("n")
    notes = opened.value
    expect(notes.locator("#place")).to_have_text("1 / 4")
    notes.keyboard.press("PageDown")
    expect(place(stage)).to_have_text("2 / 4")
    expect(notes.locator("#place")).to_have_text("2 / 4")
    stage.reload()
    expect(place(stage)).to_have_text("2 / 4")
    stage.keyboard.press("PageDown")
    expect(notes.locator("#place")).to_have_text("3 / 4")


def test_an_address_alone_presents_too(visit, url):
    page = visit(f"{url}?present=1#3")
    expect(place(page)).to_have_text("3 / 4")
    expect(page.locator(".sc-ask").first).to_be_hidden()


def test_the_exported_file_needs_no_server(browser, tiny_lab, tmp_path):
    from demo import build
    from demo.settings import Settings

    built = build(tiny_lab, Settings(lock_reveal=True))
    file = tmp_path / "tour.html"
    html = export_tour(built.tour, built.tabs, title="A tour", address="https://example.org")
    file.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: message.type == "error" and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    for now in (1, 2, 3, 4):
        expect(place(page)).to_have_text(f"{now} / 4")
        expect(page.locator(".sc-stop >> visible=true")).to_have_count(1)
        expect(page.locator(".sc-column >> visible=true")).to_have_count(3)
        page.reload()
        page.keyboard.press("PageDown")
    context.close()
    assert faults == []
