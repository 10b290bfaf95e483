"""The Failures tab and the red team as a visitor meets them."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

import safeclip
from demo.common.blur_policy import data_uri
from demo.failures import service
from safeclip.profiles import RedTeamSpec
from tests.fakes.failing import with_failures
from tests.fakes.serving import serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def failing_url(tiny_lab, tmp_path_factory):
    lab = with_failures(tiny_lab, tmp_path_factory.mktemp("failing"))
    page, url = serve(safeclip.open(replace(lab.profile, redteam=RedTeamSpec())))
    yield url
    page.close()


def test_rows_are_filtered_and_open_in_their_tab(visit, failing_url, tiny_lab):
    page = visit(f"{failing_url}?failures=original&kind=leaks", 390, 844)
    rows = page.locator(".sc-row >> visible=true")
    rows.first.wait_for()
    boxes = [tab.bounding_box() for tab in page.get_by_role("tab").all()]
    assert len(boxes) == 4 and all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    sources = page.locator(".sc-row img").evaluate_all("images => images.map(image => image.src)")
    clear = {data_uri(tiny_lab.gallery.image_bytes(item.image_id)) for item in tiny_lab.gallery.items if item.unsafe}
    assert sources and not clear & set(sources)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    query = rows.first.locator(".sc-row-query").inner_text()
    page.locator(".sc-bar-name >> visible=true").first.click()
    page.locator(".sc-shares h3", has_text="Failures by concept").wait_for()
    page.goto(f"{failing_url}?failures=original&kind=leaks")
    page.locator(".sc-row-open a >> visible=true").first.click()
    page.locator(".sc-query h2 >> visible=true", has_text=query).wait_for()


def test_who_walks_through_the_filters_by_keyboard_stays_on_the_page(visit, failing_url, monkeypatch):
    monkeypatch.setattr(service, "PER_PAGE", 3)
    page = visit(f"{failing_url}?failures=ours&page=2")
    turns = page.locator(".sc-turns")
    expect(turns).to_contain_text("page 2 of")
    page.get_by_label("Column").focus()
    for _ in range(3):
        with page.expect_response(lambda response: "/run/predict" in response.url):
            page.keyboard.press("Tab")
    expect(turns).to_contain_text("page 2 of")
    page.get_by_label("Kind").click()
    page.get_by_role("option", name="leaks").click()
    expect(turns).to_contain_text("page 1 of")


def test_the_counts_beside_the_bars_are_not_cut_on_a_phone(visit, failing_url):
    page = visit(f"{failing_url}?failures=safe", 390, 844)
    counts = page.locator(".sc-share small")
    counts.first.evaluate("count => (count.textContent = '10,797 of 15,640')")
    assert all(box["x"] + box["width"] <= 390 for box in (each.bounding_box() for each in counts.all()))
    bars = {box["width"] for box in (each.bounding_box() for each in page.locator(".sc-track").all())}
    assert len(bars) == 1, "bars of one length mean the same"


def test_a_file_of_texts_runs_and_gives_its_reports(visit, failing_url, tmp_path):
    page = visit(f"{failing_url}?attack=a+chef+holding+a+knife")
    page.locator(".sc-grid tbody tr").first.wait_for()
    texts = tmp_path / "texts.txt"
    texts.write_text("a chef\na dog with a bomb\n", encoding="utf-8")
    page.locator("input[type=file][accept*='.csv']").set_input_files(texts)
    page.locator(".sc-batch [role=status]", has_text="2 of 2 texts.").wait_for()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report, HTML").click()
    assert saved.value.suggested_filename == "red-team.html"
