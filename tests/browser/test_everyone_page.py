"""What the page does for everyone: history, reports, keyboard, settings, errors beside answers."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import new_context
from tests.fakes.serving import serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def url(browser, tiny_lab, reports):
    page, url = serve(tiny_lab, reports=str(reports))
    yield url
    page.close()


def ask(page: Page, text: str) -> None:
    page.locator("#sc-text input").fill(text)
    page.locator("#sc-go").click()
    expect(page.locator(".sc-view[data-state=done] h2")).to_have_text(text)


def test_back_and_forward_stay_inside(visit, url):
    page = visit(url)
    ask(page, "a dog")
    expect(page).to_have_url(re.compile("q=a\\+dog"))
    ask(page, "a robot")
    expect(page).to_have_url(re.compile("q=a\\+robot"))
    page.go_back()
    expect(page.locator(".sc-query h2")).to_have_text("a dog")
    expect(page.locator("#sc-text input")).to_have_value("a dog")
    page.go_forward()
    expect(page.locator(".sc-query h2")).to_have_text("a robot")


def test_back_leads_to_what_was_asked_from_a_tab_that_was_opened_since(visit, url):
    page = visit(url)
    ask(page, "a robot")
    expect(page).to_have_url(re.compile("q=a\\+robot"))
    steps = page.evaluate("history.length")
    scoreboard = page.get_by_role("tab", name="Scoreboard")
    scoreboard.click()
    expect(page).to_have_url(re.compile(r"\?tab=scoreboard$"))
    assert page.evaluate("history.length") == steps + 1
    page.reload()
    expect(scoreboard).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(r"\?tab=scoreboard$"))
    page.go_back()
    expect(page.locator(".sc-view[data-state=done] h2")).to_have_text("a robot")
    expect(page.get_by_role("tab", name="Retrieval")).to_have_attribute("aria-selected", "true")
    page.go_forward()
    expect(scoreboard).to_have_attribute("aria-selected", "true")


def test_an_error_stands_beside_the_answer(visit, url):
    page = visit(url)
    ask(page, "a dog")
    page.locator("#sc-text input").fill("")
    page.locator("#sc-go").click()
    expect(page.locator(".sc-notice-box [role=alert]")).to_contain_text("Type a few words")
    expect(page.locator(".sc-query h2")).to_have_text("a dog")
    ask(page, "a robot")
    expect(page.locator(".sc-notice-box [role=alert]")).to_have_count(0)


def test_a_server_that_does_not_answer_is_told_of_until_it_answers(browser, url):
    """The question is lost with the process that was to answer it."""
    context = new_context(browser)
    page = context.new_page()
    box, fault = page.locator("#sc-text input"), page.locator(".sc-notice-box [role=alert] >> visible=true")
    for way in ("link", "words"):
        page.route("**/gradio_api/run/predict*", lambda route: route.fulfill(status=502, body="Bad Gateway"))
        if way == "link":
            page.goto(f"{url}?q=a+dog")
        else:
            box.fill("a dog")
            page.locator("#sc-go").click()
        lost = "The server did not answer, and the question is lost. Ask again in a minute."
        expect(fault).to_have_text(f"{lost}Nothing below has changed.")
        assert page.locator(".sc-view >> visible=true").evaluate("view => getComputedStyle(view).opacity") == "1"
        expect(page.locator(".sc-view-box[aria-busy=true]")).to_have_count(0)
        page.unroute("**/gradio_api/run/predict*")
        ask(page, "a robot")
        expect(fault).to_have_count(0)
    context.close()


def test_a_report_is_kept_and_deleted_by_its_receipt(visit, url, reports):
    page = visit(url)
    ask(page, "a dog")
    page.locator(".sc-report summary").click()
    page.get_by_label("The judge is wrong").check()
    page.get_by_label("Why, in your words").fill("=1+1 <b>")
    page.get_by_role("button", name="Send the report").click()
    status = page.locator(".sc-report [role=status]")
    expect(status).to_contain_text("Receipt: ")
    (file,) = reports.glob("*.jsonl")
    record = json.loads(file.read_text())
    assert (record["kind"], record["reason"], record["request"]["query"]) == ("judge", "=1+1 <b>", "a dog")
    page.get_by_role("button", name="Delete it again").click()
    expect(status).to_have_text("The report is deleted.")
    assert file.read_text() == ""


def test_a_case_is_cited_with_its_fingerprint(visit, url):
    page = visit(url)
    ask(page, "a dog & 100 % of ORIGIN")
    made = page.evaluate("window.safeclip.fingerprint")
    bibtex = page.locator(".sc-cite").text_content()
    assert f"@misc{{safeclip-{made}-retrieval," in bibtex and r"a dog \& 100 \% of ORIGIN" in bibtex
    assert f"\\url{{{url}?q=a+dog" in bibtex


def test_a_link_of_other_models_says_so(visit, url):
    page = visit(f"{url}?q=a+dog&made={'0' * 400}", 390, 844)
    note = page.locator(".sc-mismatch")
    expect(note).to_contain_text("other models, pictures or code (0000000000000000; here")
    page.get_by_role("button", name="Close").click()
    expect(note).to_have_count(0)


def test_keyboard_skip_link_tabs_and_focus(visit, url):
    page = visit(url)
    page.get_by_role("tab", name="Retrieval").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab").nth(1)).to_be_focused()
    expect(page.get_by_role("tab").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    page.locator(".sc-skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sc-view")).to_be_focused()
    page.get_by_text("Look closer").click()
    button = page.locator(".sc-matrix button", has_text="Image only").first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sc-matrix button[aria-pressed=true] small").first).to_have_text("Image only")
    expect(page.locator(".sc-matrix button", has_text="Image only").first).to_be_focused()


def test_light_or_dark_is_remembered_and_names_complete_a_word(visit, url):
    page = visit(url, color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    page.wait_for_selector(".sc-view >> visible=true")
    expect(page.locator("html.dark")).to_have_count(1)
    page.locator("#sc-text input").fill("a pilot with a sy")
    expect(page.locator("#sc-names option")).to_have_attribute("value", "a pilot with a syringe")


def test_about_is_one_screen(visit, url):
    page = visit(url, 1440, 900)
    page.get_by_role("button", name="About").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("What the pictures are")
    assert dialog.evaluate("each => each.scrollHeight <= each.clientHeight + 1")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
