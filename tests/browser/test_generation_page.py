"""The Generation page as a visitor meets it."""

import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import quote_plus

import pytest
from gradio_client.utils import Status
from PIL import Image
from playwright.sync_api import Page, expect

import safeclip
from demo.common.blur_policy import blurred_uri
from demo.generation import png_metadata, precomputed
from demo.generation.examples import examples
from demo.generation.request import GenerationRequest
from safeclip.generation.batch import StepReporter
from safeclip.judges import Sight
from safeclip.refusal import POLICY
from tests.browser.fitting import SIZES, overflows
from tests.fakes.painting import PROMPT, Judge, judged_by
from tests.fakes.serving import client_of, serve

pytestmark = pytest.mark.browser

SIGHTS = (Sight("subject", "dog", 0.9), Sight("place", "forest", 0.8))


def painter_of(painting_lab) -> "safeclip.Lab":
    """A lab whose judge finds the first picture of what it is given harmful: the reference's."""
    return judged_by(Judge(1, "violence", SIGHTS), painting_lab)


@pytest.fixture(scope="module")
def lab(painting_lab):
    return painter_of(painting_lab)


def first_example(lab):
    """The request that the page opens with, of the reference alone."""
    spec = lab.generation.spec
    default = GenerationRequest(steps=spec.steps, guidance=spec.guidance)
    return examples(lab.profile.name, lab.gallery, default)[0].request


@pytest.fixture(scope="module")
def url(browser, lab, tmp_path_factory):
    """The page with the first example's images precomputed."""
    folder = tmp_path_factory.mktemp("images")
    found = lab.generation.compare(**first_example(lab).saved())
    precomputed.write(folder / lab.profile.name, lab.generation.fingerprint, [found])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precomputed, "FOLDER", folder)
        page, url = serve(lab)
    yield url
    page.close()


@pytest.fixture
def slowly(monkeypatch):
    """Every step takes a moment longer."""
    step = StepReporter.step

    def slow(self, *args):
        time.sleep(0.05)
        step(self, *args)

    monkeypatch.setattr(StepReporter, "step", slow)


@pytest.fixture
def gate(monkeypatch) -> Iterator[threading.Event]:
    """While it is cleared, every step waits for it."""
    step, event = StepReporter.step, threading.Event()
    event.set()

    def wait(self, *args):
        step(self, *args)
        event.wait(30)

    monkeypatch.setattr(StepReporter, "step", wait)
    yield event
    event.set()


def opened(visit, url: str, *size, **options) -> Page:
    page = visit(url, *size, **options)
    page.get_by_role("tab", name="Generation").click()
    expect(page.locator(".sc-generation")).to_be_visible()
    return page


def paint(page: Page, prompt: str, **more) -> None:
    page.locator("#sc-prompt input").fill(prompt)
    page.locator("#sc-paint").click()


def finished(page: Page, prompt: str):
    expect(page.locator(".sc-generation[data-state=done] h2")).to_have_text(prompt)
    return page.locator(".sc-generation .sc-column")


def sources(page: Page) -> list[str]:
    return page.locator(".sc-painting img").evaluate_all("images => images.map(image => image.src)")


def pixels(uri: str) -> bytes:
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return image.convert("RGB").tobytes()


def steps(page: Page, n: int) -> None:
    button = page.get_by_role("button", name="More options").locator("visible=true")
    button.click()
    page.get_by_label("number input for Steps").fill(str(n))
    page.get_by_label("number input for Steps").press("Tab")


def test_the_first_screen_shows_precomputed_images(visit, url, lab):
    page = opened(visit, url)
    expect(page.get_by_role("tab")).to_have_text(["Retrieval", "Generation", "Scoreboard"])
    first = first_example(lab)
    assert finished(page, first.prompt).count() == 3
    expect(page.locator(".sc-generation .sc-facts")).to_contain_text("painted beforehand by the same models")
    expect(page.locator("[data-task=generation].sc-examples .sc-chip[aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#sc-prompt input")).to_have_value(first.prompt)
    page.locator("#sc-text input").evaluate("box => (box.value = 'of a link')")
    page.get_by_role("tab", name="Retrieval").click()
    expect(page).not_to_have_url(re.compile("paint="))
    assert page.locator("#sc-text input").input_value() == "of a link", "nobody has asked the first screen's words"


def test_type_generate_reveal_and_download(visit, url, lab, tmp_path):
    page = opened(visit, url)
    paint(page, PROMPT)
    finished(page, PROMPT)
    expected = lab.generation.compare(PROMPT)
    clear = {key: expected[key].pictures[0] for key in expected}
    reference, *others = sources(page)
    assert reference == blurred_uri(clear["original"])
    assert [pixels(source) for source in others] == [clear[key].tobytes() for key in ("safe", "ours")]
    expect(page.locator(".sc-generation [data-seat=original] .sc-verdict")).to_contain_text("stand-in 1")
    expect(page.locator(".sc-generation [data-seat=original] .sc-value")).to_contain_text("0.75 ≥ 0.50")
    expect(page.locator(".sc-generation [data-seat=original] .sc-sights")).to_contain_text("forest")
    expect(page.locator("#sc-live")).to_contain_text("CLIP: 1 picture, 1 flagged, hidden. A judge sees: dog, forest.")
    expect(page.locator("#sc-paint-stop")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"paint=a\+dog\+holding\+a\+kite.*seed=0"))

    page.locator(".sc-generation [data-seat=original] .sc-reveal").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sc-generation img[data-blurred]")).to_have_count(3)  # in its column and under two sliders
    assert pixels(sources(page)[0]) == clear["original"].tobytes()
    page.locator(".sc-over .sc-reveal").first.click()
    expect(page.locator(".sc-generation img[data-blurred]")).to_have_count(0)
    assert sources(page)[0] == blurred_uri(clear["original"])

    with page.expect_download() as download:
        page.locator(".sc-generation [data-seat=safe] .sc-save").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "safeclip-safe-0.png"
    assert PROMPT in json.dumps(png_metadata.read(file.read_bytes()))


def test_the_slider_moves_by_keyboard(visit, url):
    page = opened(visit, url)
    slider = page.get_by_role("slider", name="How much of CLIP lies over Safe-CLIP, in percent")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    cut = "getComputedStyle(document.querySelector('.sc-over-pictures')).getPropertyValue('--cut')"
    assert page.evaluate(cut) == "60%"


def test_a_downloaded_image_brings_its_settings_back(visit, url, tmp_path):
    page = opened(visit, f"{url}?paint=a+robot+with+a+kite&seed=42&steps=3&guidance=2.5&n=1&seats=safe")
    finished(page, "a robot with a kite")
    with page.expect_download() as download:
        page.locator(".sc-generation [data-seat=safe] [data-download]").click()
    download.value.save_as(tmp_path / "picture.png")
    other = opened(visit, url)
    other.locator(".sc-more-options button").locator("visible=true").first.click()
    other.locator("input[type=file][accept*=png]").set_input_files(tmp_path / "picture.png")
    expect(other.locator("#sc-prompt").locator("textarea, input")).to_have_value("a robot with a kite")
    expect(other.get_by_label("Seed", exact=True)).to_have_value("42")
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    other.locator("input[type=file][accept*=png]").set_input_files(tmp_path / "plain.png")
    expect(other.locator(".sc-notice-box [role=alert]").filter(has_text="holds no settings")).to_be_visible()


def test_progress_stop_and_previews(visit, url, slowly, gate):
    page = opened(visit, url)
    steps(page, 100)
    gate.clear()
    paint(page, PROMPT)
    expect(page.locator(".sc-generation [data-seat=safe] .sc-sub")).to_have_text(re.compile(r"^step [1-9]\d* of 100$"))
    sent = page.locator(".sc-preview img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(sent) == 3 and max(sent) <= 16
    expect(page).to_have_url(re.compile("paint="))  # a reload asks it again
    assert page.get_by_role("progressbar", name="Safe-CLIP is painting").get_attribute("aria-valuemax") == "100"
    page.locator("#sc-paint-stop").click()
    gate.set()
    expect(page.locator(".sc-generation [data-seat=safe] .sc-sub")).to_contain_text("stopped at step")
    expect(page.locator("#sc-paint-stop")).to_have_count(0)
    expect(page.locator("#sc-live")).to_contain_text("Stopped at step")


def test_a_waiting_visitor_sees_the_queue_and_can_leave_it(visit, url, slowly, gate):
    painting, waiting = opened(visit, url), opened(visit, url)
    expect(waiting.locator(".sc-queue-box .progress-text")).to_have_count(0)
    steps(painting, 100)
    gate.clear()
    paint(painting, PROMPT)
    expect(painting.locator(".sc-generation[data-state=writing]")).to_have_count(1)
    before = waiting.locator(".sc-generation h2").text_content()
    paint(waiting, "a robot")
    expect(waiting.locator(".sc-queue-box .progress-text")).to_contain_text("queue: 1/1")
    waiting.locator("#sc-paint-stop").click()
    painting.locator("#sc-paint-stop").click()
    gate.set()
    expect(waiting.locator("#sc-paint-stop")).to_have_count(0)
    expect(waiting.locator(".sc-queue-box .progress-text")).to_have_count(0)
    assert waiting.locator(".sc-generation h2").text_content() == before


def reaches(job, status: Status) -> None:
    """Waits until a program's question is waiting, or being answered."""
    deadline = time.monotonic() + 60
    while job.status().code is not status:
        assert time.monotonic() < deadline, f"{job.status().code}, not {status}"
        time.sleep(0.01)


def test_who_is_turned_away_by_a_full_queue_is_told_so(browser, lab, gate):
    page, url = serve(lab, queue_size=1)
    visitor = browser.new_page()  # not watched, as to be turned away is an error of the network
    try:
        client = client_of(url)
        gate.clear()
        jobs = []
        for seed, status in enumerate((Status.PROCESSING, Status.IN_QUEUE)):
            jobs.append(client.submit(prompt="a cat", seed=seed, api_name="/generate"))
            reaches(jobs[-1], status)
        told = "Too many questions are waiting already"
        visitor.goto(f"{url}?paint={quote_plus(PROMPT)}")
        expect(visitor.locator(".sc-generation .sc-fault")).to_contain_text(told)
        paint(visitor, PROMPT)
        expect(visitor.locator("[role=alert]:has(.sc-fault)")).to_contain_text(told)
        expect(visitor.locator("#sc-paint-stop")).to_have_count(0)
        gate.set()
        for job in jobs:
            job.result(60)
        paint(visitor, PROMPT)
        finished(visitor, PROMPT)
        expect(visitor.get_by_text(told)).to_have_count(0)
    finally:
        visitor.context.close()
        page.close()


def test_seats_dice_and_several_images(visit, url):
    page = opened(visit, url)
    page.get_by_role("checkbox", name="Safe-CLIP + mixed-gallery").locator("visible=true").uncheck(force=True)
    page.get_by_role("radio", name="2", exact=True).locator("visible=true").check(force=True)
    page.get_by_role("button", name="Another seed").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value("0")
    seed = int(page.get_by_label("Seed", exact=True).input_value())
    paint(page, PROMPT)
    assert finished(page, PROMPT).count() == 2
    expect(page.locator(".sc-painting")).to_have_count(4)
    expect(page.locator(".sc-generation .sc-facts")).to_contain_text(f"seeds {seed} to {seed + 1}")


def test_the_dial_shows_five_positions(visit, url):
    page = opened(visit, url)
    page.locator("label", has_text="Safety dial").locator("visible=true").click()
    expect(page.get_by_role("checkbox", name="Safe-CLIP + mixed-gallery").locator("visible=true")).to_have_count(0)
    page.get_by_role("radio", name="Safe-CLIP + mixed-gallery").locator("visible=true").check(force=True)
    paint(page, PROMPT)
    columns = finished(page, PROMPT)
    assert columns.evaluate_all("all => all.map(each => each.dataset.seat)") == ["0", "0.25", "0.5", "0.75", "1"]
    expect(page).to_have_url(re.compile("dial=ours"))


def test_earlier_runs_of_the_session_can_be_shown_again(visit, url, gate):
    page = opened(visit, url)
    paint(page, "a robot")
    finished(page, "a robot")
    before = sources(page)
    gate.clear()
    paint(page, "a witch")
    expect(page.locator(".sc-generation[data-state=writing] h2")).to_have_text("a witch")
    page.get_by_role("button", name="Show again: a robot, seed 0").click()
    finished(page, "a robot")
    expect(page.locator("#sc-prompt input")).to_have_value("a robot")
    assert sources(page) == before
    page.evaluate(
        """() => {
            window.drawn = [];
            const box = document.querySelector(".sc-generation").closest(".sc-view-box");
            const note = () => window.drawn.push(box.querySelector("h2")?.textContent);
            new MutationObserver(note).observe(box, { childList: true, subtree: true });
        }"""
    )
    gate.set()
    paint(page, "a pilot")  # waits in the queue until what was being painted has ended
    finished(page, "a pilot")
    assert set(page.evaluate("window.drawn")) == {"a pilot"}
    expect(page.locator(".sc-visit .sc-tile")).to_have_count(2)


def test_a_permalink_opens_the_tab_and_generates(visit, url, lab):
    page = visit(f"{url}?paint=a+robot+in+the+garden&without=a+kite&seats=ours&seed=3&steps=6&guidance=2.5&n=2")
    expect(page.get_by_role("tab", name="Generation")).to_have_attribute("aria-selected", "true")
    finished(page, "a robot in the garden")
    how = {"seed": 3, "steps": 6, "guidance": 2.5, "pictures": 2, "negative_prompt": "a kite"}
    expected = lab.generation.compare("a robot in the garden", seats=("original", "ours"), **how)
    assert [pixels(source) for source in sources(page)[1:]] == [
        picture.tobytes() for key in expected for picture in expected[key].pictures
    ][1:]
    expect(page.locator("html.sc-restoring")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"without=a\+kite.*guidance=2.5"))


def test_a_forbidden_request_is_refused_with_the_policys_text(visit, url):
    page = opened(visit, url)
    paint(page, "a nude child")
    expect(page.locator("[role=alert] .sc-policy")).to_contain_text(POLICY)
    expect(page.locator(".sc-generation h2")).not_to_contain_text("nude")  # the answer before it stands


def test_a_failing_seat_leaves_the_others_standing(visit, url, lab, monkeypatch):
    encoder = lab.encoders["safe"]
    monkeypatch.setattr(encoder, "towers", encoder.towers.with_model(SimpleNamespace(text_model=None)))
    page = opened(visit, url)
    paint(page, "a pilot")
    finished(page, "a pilot")
    expect(page.locator(".sc-generation [data-seat=safe] .sc-fault")).to_contain_text("Safe-CLIP has no answer.")
    expect(page.locator(".sc-painting")).to_have_count(2)


def test_an_audience_sees_nothing_unblurred(visit, browser, lab):
    page, url = serve(lab, present=True)
    try:
        seen = visit(f"{url}?paint={quote_plus(PROMPT)}", 1920, 1080)
        finished(seen, PROMPT)
        expect(seen.locator(".sc-generation .sc-reveal")).to_have_count(0)
        expect(seen.locator(".sc-painting .sc-cover")).to_have_text(["hidden"])
        expect(seen.locator(".sc-generation [data-seat=original] .sc-save")).to_have_count(0)
        assert sources(seen)[0] == blurred_uri(lab.generation.compare(PROMPT)["original"].pictures[0])
    finally:
        page.close()


@pytest.mark.parametrize(("scheme", "size"), [("light", SIZES[0]), ("dark", SIZES[-1])])
@pytest.mark.parametrize("how", ["seats=safe,ours&n=2", "dial=safe", "seats=safe"])
def test_the_page_fits_its_window(visit, url, scheme, size, how):
    page = visit(f"{url}?paint=a+dog&{how}", *size, color_scheme=scheme)
    finished(page, "a dog")
    assert overflows(page) == {}
    page.get_by_role("button", name="More options").locator("visible=true").click()
    expect(page.get_by_label("Without")).to_be_visible()
    assert overflows(page) == {}
