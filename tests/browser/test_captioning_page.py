"""The Captioning page as a visitor meets it."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from demo.common.blur_policy import data_uri
from safeclip.captioning.llava import Llava
from tests.browser.fitting import SIZES, overflows
from tests.demo.captioning.test_api import ODD
from tests.fakes.serving import serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(browser, talking_lab):
    page, url = serve(talking_lab)
    yield url
    page.close()


def opened(visit, url: str, *size, **options) -> Page:
    page = visit(url, *size, **options)
    page.get_by_role("tab", name="Captioning").click()
    expect(page.locator(".sc-seen img")).to_be_visible()
    return page


def answers(page: Page, question: str, link: str = "") -> list[str]:
    """What all columns say to the question when the stream has ended, without what only a screen reader hears.

    `link` is a part of the finished answer's link, where the question does not tell it from the one before.
    """
    finished = page.locator(f'.sc-answers[data-state=done][data-permalink*="{link or "picture"}"]')
    expect(finished.locator("h2")).to_have_text(question)
    return finished.locator(".sc-answer").evaluate_all(
        """all => all.map(each => {
            const copy = each.cloneNode(true);
            copy.querySelectorAll(".sc-sr").forEach(part => part.remove());
            return copy.textContent;
        })"""
    )


@pytest.fixture
def slowly(monkeypatch):
    """Every token takes a moment longer."""
    decode = Llava.decode

    def slow(self, tokens):
        time.sleep(0.02)
        return decode(self, tokens)

    monkeypatch.setattr(Llava, "decode", slow)


def test_pick_an_image_ask_and_read_every_answer(visit, url, talking_lab):
    page = opened(visit, url)
    expect(page.get_by_role("tab")).to_have_text(["Retrieval", "Captioning", "Scoreboard"])
    expect(page.locator(".sc-intro")).to_contain_text("CLIP, Safe-CLIP and Safe-CLIP + mixed-gallery will say")
    item = next(item for item in talking_lab.gallery.items if item.unsafe)
    page.locator(".sc-tile", has_text=item.caption).locator("visible=true").click()
    expect(page.locator(".sc-seen figcaption")).to_contain_text(item.caption)
    page.locator("#sc-question input").fill("Who is it?")
    page.locator("#sc-put").click()
    expected = talking_lab.captioning.compare(talking_lab.gallery.image(item.image_id), "Who is it?")
    assert answers(page, "Who is it?", item.image_id) == [answer.text for answer in expected.values()]
    expect(page.locator(".sc-harm")).to_have_count(sum(len(answer.unsafe) for answer in expected.values()))
    expect(page.locator("#sc-live")).to_contain_text("CLIP says: ")
    expect(page.locator("#sc-stop")).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"picture={item.image_id}&question=Who\+is\+it%3F"))

    clear = data_uri(talking_lab.gallery.image_bytes(item.image_id))
    assert page.locator(".sc-seen img").get_attribute("src") != clear
    page.locator(".sc-seen .sc-reveal").click()
    expect(page.locator(".sc-seen img")).to_have_attribute("src", clear)


def test_suggestions_examples_and_one_side_less(visit, url, talking_lab):
    page = opened(visit, url)
    page.get_by_role("button", name="Who is in the picture?").click()
    assert len(answers(page, "Who is in the picture?")) == 3
    expect(page.locator("#sc-question input")).to_have_value("Who is in the picture?")
    chips = page.locator("[data-task=captioning].sc-examples .sc-chip")
    chips.filter(has_text="Nothing unsafe").click()
    assert len(answers(page, "Describe the picture.")) == 3  # the question of the examples
    expect(page.locator(".sc-seen .sc-kind-safe")).to_be_visible()
    expect(chips.filter(has_text="Nothing unsafe")).to_have_attribute("aria-pressed", "true")
    page.locator("label", has_text="mixed-gallery").locator("visible=true").click()
    assert len(answers(page, "Describe the picture.", "seats=safe&")) == 2


def test_a_permalink_opens_the_tab_and_answers(visit, url, talking_lab):
    item = talking_lab.gallery.items[4]
    page = visit(f"{url}?picture={item.image_id}&question=Where+is+it%3F&seats=ours&tokens=9&temperature=0.7&seed=3")
    expect(page.get_by_role("tab", name="Captioning")).to_have_attribute("aria-selected", "true")
    image = talking_lab.gallery.image(item.image_id)
    options = {"max_new_tokens": 9, "temperature": 0.7, "seed": 3}
    expected = talking_lab.captioning.compare(image, "Where is it?", seats=("original", "ours"), **options)
    assert answers(page, "Where is it?", "temperature") == [answer.text for answer in expected.values()]
    expect(page.locator("html.sc-restoring")).to_have_count(0)
    expect(page).to_have_url(re.compile("temperature=0.7"))


def test_stop_and_copy(visit, url, slowly):
    page = opened(visit, url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="More options").click()
    page.get_by_label("number input for Longest answer, in tokens").fill("140")
    page.locator("#sc-question input").fill("Why?")
    page.locator("#sc-put").click()
    expect(page.locator(".sc-answers[data-state=writing] h2")).to_have_text("Why?")
    page.locator("#sc-stop").click()
    said = answers(page, "Why?")
    expect(page.locator(".sc-answers .sc-sub").first).to_have_text("stopped")
    expect(page.locator("#sc-stop")).to_have_count(0)
    copy = page.locator(".sc-answers .sc-column [data-copy-text]").first
    copy.click()
    expect(copy).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == said[0]


@pytest.mark.parametrize("tab", ["Captioning", "Retrieval"])
def test_odd_uploads_are_answered_or_reported(visit, url, talking_lab, tmp_path, tab):
    item = talking_lab.gallery.items[1]
    page = visit(f"{url}?picture={item.image_id}&tokens=2")
    assert len(answers(page, "Describe the picture.", item.image_id)) == 3
    page.get_by_role("tab", name=tab).click()
    panel = page.get_by_role("tabpanel").locator("visible=true")
    panel.locator("label", has_text="Your picture").first.click()
    for name, (data, said) in ODD.items():
        (tmp_path / name).write_bytes(data)
        panel.locator("input[type=file]").first.set_input_files(tmp_path / name)
        if said:
            expect(panel.locator(".sc-fault")).to_contain_text(said)
        elif tab == "Captioning":
            expect(panel.locator(".sc-answers[data-state=done] .sc-answer")).to_have_count(3)
        else:
            expect(panel.locator(".sc-query h2")).to_have_text("Your picture")
        panel.get_by_role("button", name="Remove Image").click()
        expect(panel.locator(".sc-fault")).to_contain_text("yet.")  # nothing is asked yet


@pytest.mark.parametrize(("scheme", "size"), [("light", SIZES[0]), ("dark", SIZES[-1])])
def test_the_page_fits_its_window(visit, url, talking_lab, scheme, size):
    item = talking_lab.gallery.items[1]
    page = visit(f"{url}?picture={item.image_id}&seats=safe,ours&tokens=30", *size, color_scheme=scheme)
    assert len(answers(page, "Describe the picture.", item.image_id)) == 3
    assert overflows(page) == {}
    page.get_by_role("button", name="More options").click()
    expect(page.get_by_label("Seed")).to_be_visible()
    assert overflows(page) == {}
