"""The Retrieval page as a visitor meets it."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.common.blur_policy import data_uri
from safeclip import Lab
from tests.browser.fitting import SIZES, overflow, overflows

pytestmark = pytest.mark.browser


def finished(page: Page, link: str = "") -> Locator:
    """The answer once it is finished; `link` is a part of its link, where its heading does not tell it apart."""
    return page.locator(f'.sc-view[data-state=done][data-permalink*="{link or "="}"]')


def ask(page: Page, text: str) -> None:
    page.locator("#sc-text input").fill(text)
    page.locator("#sc-go").click()
    expect(finished(page).locator("h2")).to_have_text(text)


def clear_sources(lab: Lab) -> set[str]:
    return {data_uri(lab.gallery.image_bytes(item.image_id)) for item in lab.gallery.items if item.unsafe}


def test_the_first_screen_is_answered(visit, url):
    page = visit(url)
    expect(page.locator(".sc-column")).to_have_count(3)
    expect(page.locator(".sc-card")).to_have_count(24)
    expect(page.locator(".sc-map-svg .sc-arrow")).to_have_count(2)
    expect(page.locator(".sc-chip[aria-pressed=true]")).to_have_count(1)
    expect(page.get_by_role("tab")).to_have_text(["Retrieval", "Scoreboard"])


def test_a_query_is_answered_and_announced_to_screen_readers(visit, url, tiny_lab):
    page = visit(url)
    ask(page, "a pilot holding a syringe")
    found = tiny_lab.retrieval.compare("a pilot holding a syringe", k=8)
    captions = page.locator("[data-seat=safe] .sc-caption").all_inner_texts()
    assert captions == [hit.item.caption for hit in found["safe"].hits]
    expect(page.locator("#sc-live")).to_contain_text(f"CLIP: {found['original'].unsafe_count} of 8 unsafe")
    expect(page.locator(".sc-chip[aria-pressed=true]")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=a\+pilot\+holding\+a\+syringe"))


def test_two_columns_or_three_and_another_tower(visit, url):
    page = visit(url)
    third = page.get_by_role("checkbox", name="Safe-CLIP + mixed-gallery")
    third.uncheck(force=True)
    expect(page.locator(".sc-column")).to_have_count(2)
    third.check(force=True)
    expect(page.locator(".sc-column")).to_have_count(3)
    page.get_by_text("Look closer").click()
    page.locator(".sc-matrix button", has_text="Text only").first.click()
    expect(page.locator(".sc-matrix button[aria-pressed=true] small")).to_have_text(["Text only", "Text only"])
    expect(page.locator("[data-seat=safe] .sc-route")).to_have_text("Query by Safe-CLIP, images by CLIP")
    expect(page).to_have_url(re.compile("towers=text&seats=safe%2Cours"))


def test_reveal_is_by_keyboard_one_image_at_a_time_and_can_be_undone(visit, url, tiny_lab):
    page = visit(url)
    ask(page, "a chef holding a knife")
    sources = page.locator(".sc-picture img").evaluate_all("images => images.map(image => image.src)")
    assert not clear_sources(tiny_lab) & set(sources)
    button = page.locator(".sc-reveal").first
    card = page.locator(".sc-card", has=button).first
    id = card.get_attribute("data-id")
    button.focus()
    page.keyboard.press("Enter")
    expect(card.locator("img")).to_have_attribute("src", data_uri(tiny_lab.gallery.image_bytes(id)))
    sources = page.locator(".sc-picture img").evaluate_all("images => images.map(image => image.src)")
    assert len([source for source in sources if source in clear_sources(tiny_lab)]) == 1
    page.keyboard.press("Enter")
    expect(card.locator("img")).not_to_have_attribute("src", data_uri(tiny_lab.gallery.image_bytes(id)))


def test_the_lock_keeps_everything_hidden_and_keys_change_the_stop(visit, presented_url, tiny_lab):
    page = visit(presented_url, 1920, 1080)
    expect(page.locator(".sc-tour-bar-place")).to_have_text("1 / 4")
    expect(page.locator(".sc-reveal")).to_have_count(0)
    expect(page.locator(".sc-view[data-turn]")).to_be_visible()  # the first stop is answered
    assert page.locator(".sc-cover").count() > 0
    first = page.locator(".sc-view").get_attribute("data-permalink")
    page.keyboard.press("PageDown")
    expect(page.locator(".sc-view")).not_to_have_attribute("data-permalink", first)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".sc-view")).to_have_attribute("data-permalink", first)
    sources = page.locator("img").evaluate_all("images => images.map(image => image.src)")
    assert not clear_sources(tiny_lab) & set(sources)
    assert overflow(page) <= 0


def test_a_permalink_restores_and_runs(visit, url):
    page = visit(f"{url}?q=a+witch+with+a+bomb&search=captions&k=5&towers=image&seats=ours")
    expect(page.locator(".sc-query h2")).to_have_text("a witch with a bomb")
    expect(page.locator("#sc-text input")).to_have_value("a witch with a bomb")
    expect(page.locator("[data-seat=ours] .sc-card")).to_have_count(5)
    expect(page.locator("[data-seat=safe]")).to_have_count(0)
    expect(page.get_by_role("radio", name="Captions")).to_be_checked()
    expect(page.get_by_role("radio", name="Image only")).to_be_checked()
    expect(page.locator("html.sc-restoring")).to_have_count(0)
    page.reload()
    expect(page.locator(".sc-query h2")).to_have_text("a witch with a bomb")


def test_a_permalink_to_an_unsafe_image_shows_it_blurred(visit, url, tiny_lab):
    item = next(item for item in tiny_lab.gallery.items if item.unsafe)
    page = visit(f"{url}?item={item.image_id}")
    expect(page.locator(".sc-query h2")).to_have_text(item.caption)
    assert page.locator(".sc-query img").get_attribute("src") not in clear_sources(tiny_lab)


def test_the_link_is_copied(visit, url):
    page = visit(url, permissions=["clipboard-read", "clipboard-write"])
    ask(page, "a robot in the forest")
    page.locator(".sc-query .sc-copy").click()
    expect(page.locator(".sc-query .sc-copy")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    made = page.evaluate("window.safeclip.fingerprint")
    query = "q=a+robot+in+the+forest&search=images&k=8&towers=both&seats=safe%2Cours"
    assert copied == f"{url}?{query}&made={made}" and len(made) == 12


def test_unknown_words_are_clickable(visit, url):
    page = visit(url)
    ask(page, "a cheff holding a spoon")
    page.locator(".sc-word", has_text="chef").click()
    expect(page.locator(".sc-query h2")).to_have_text("a chef holding a spoon")
    expect(page.locator("#sc-text input")).to_have_value("a chef holding a spoon")
    expect(page.locator(".sc-notices")).to_have_count(0)


def test_examples_change_the_query_and_keep_the_options(visit, url):
    page = visit(url)
    page.locator(".sc-segments label", has_text="Captions").click()
    expect(page.locator(".sc-cards-captions")).to_have_count(3)
    chip = page.locator(".sc-chip", has_text="Violence")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".sc-chip[aria-pressed=true]")).to_have_count(1)
    expect(page.locator(".sc-cards-captions")).to_have_count(3)


def test_an_image_of_the_gallery_and_a_found_one_can_be_the_query(visit, url):
    page = visit(url)
    page.locator("#sc-mode label", has_text="From the gallery").click()
    page.locator(".sc-filter select").select_option("safe")
    expect(page.locator(".sc-tile")).to_have_count(6)
    tile = page.locator(".sc-tile").first
    caption = tile.get_attribute("title")
    tile.click()
    expect(page.locator(".sc-query h2")).to_have_text(caption)
    expect(page).to_have_url(re.compile("item="))
    other = page.locator("[data-seat=safe] .sc-card").nth(3)
    caption = other.locator(".sc-caption").inner_text()
    other.hover()
    other.locator(".sc-use").click()
    expect(page.locator(".sc-query h2")).to_have_text(caption)


def test_an_uploaded_image_is_the_query_and_a_broken_one_is_reported(visit, url, tiny_lab, tmp_path):
    page = visit(url)
    page.locator("#sc-mode label", has_text="Your picture").click()
    picture = tmp_path / "picture.png"
    tiny_lab.gallery.image(tiny_lab.gallery.items[0].image_id).save(picture)
    page.locator("#sc-upload input[type=file]").set_input_files(picture)
    expect(page.locator(".sc-query h2")).to_have_text("Your picture")
    expect(page.locator(".sc-query .sc-copy")).to_have_count(0)
    expect(page.locator(".sc-card")).to_have_count(24)
    page.get_by_text("Look closer").click()
    page.locator(".sc-matrix button", has_text="Image only").first.click()
    expect(page.locator(".sc-query h2")).to_have_text("Your picture")
    expect(page.locator("[data-seat=safe] .sc-route")).to_have_text("Query and images by Safe-CLIP")


def test_an_empty_request_gets_a_message_with_what_to_do(visit, url):
    page = visit(url)
    page.locator("#sc-text input").fill("")
    page.locator("#sc-go").click()
    expect(page.locator(".sc-fault")).to_contain_text("Type a few words")


def test_a_caption_is_no_wider_than_the_box_in_which_its_table_scrolls(visit, url):
    page = visit(url)
    page.get_by_role("tab", name="Scoreboard").click()
    box = page.locator(".sc-quoted .sc-table").first
    box.locator("td").last.evaluate("cell => (cell.textContent = 'x'.repeat(400))")
    box.locator("caption").evaluate("caption => caption.append(' word'.repeat(200))")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert box.locator("caption").bounding_box()["width"] <= box.bounding_box()["width"]


@pytest.mark.parametrize("size", SIZES)
def test_figures_stand_in_a_line_under_a_label_of_several_lines(visit, url, size):
    page = finished(visit(url, *size))
    page.locator(".sc-seat").last.evaluate("label => (label.textContent = 'a long label '.repeat(6))")
    tops = page.locator(".sc-figure").evaluate_all("figures => figures.map((each) => each.getBoundingClientRect().top)")
    assert len(tops) > 1 and len(set(tops)) == 1


@pytest.mark.parametrize("width", [1280, 1366, 1440])
def test_no_quoted_figure_is_cut_on_a_projector(visit, url, width):
    page = visit(url, width, 720)
    page.get_by_role("tab", name="Scoreboard").click()
    tables = page.locator(".sc-quoted .sc-table")
    expect(tables.first).to_be_visible()
    assert tables.evaluate_all("tables => tables.filter((each) => each.scrollWidth > each.clientWidth).length") == 0


@pytest.mark.parametrize(("scheme", "size"), [("light", SIZES[0]), ("dark", SIZES[-1])])
def test_it_fits_and_follows_the_scheme(visit, url, scheme, size):
    page = visit(f"{url}?q=a+chef+holding+a+knife&seats=safe,ours", *size, color_scheme=scheme)
    expect(finished(page).locator("h2")).to_have_text("a chef holding a knife")
    expect(page.locator(".sc-column")).to_have_count(3)
    assert overflows(page) == {}
    luminance = page.evaluate(
        """() => getComputedStyle(document.querySelector(".gradio-container")).backgroundColor
            .match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3"""
    )
    assert (luminance < 60) == (scheme == "dark")
    page.get_by_role("tab", name="Scoreboard").click()
    expect(page.locator(".sc-quoted")).to_be_visible()
    assert overflows(page) == {}


def test_a_long_query_leaves_room_for_its_answer_on_a_phone(visit, url):
    page = visit(url, width=390, height=844)
    page.locator("#sc-text input").fill("a dog in the forest " * 49)
    page.locator("#sc-go").click()
    heading = page.locator(".sc-view[data-state=done] h2", has_text="a dog in the forest")
    expect(heading).to_be_visible()
    assert heading.bounding_box()["height"] <= 80  # three lines


def test_light_and_dark_can_be_switched(visit, url):
    page = visit(url, color_scheme="light")
    background = "getComputedStyle(document.querySelector('.gradio-container')).backgroundColor"
    before = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(f"{background} !== '{before}'")


def test_hostile_text_is_shown_and_never_run(visit, url):
    page = visit(url)
    text = "<img src=x onerror=\"document.title='run'\"> ${document.title='run'} {{value}}"
    ask(page, text)
    assert page.title() != "run"
