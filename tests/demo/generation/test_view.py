"""The generation stage: what is drawn of a painting, from the first preview to the visit's strip of small pictures."""

import base64
import io
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo.common.blur_policy import smear
from demo.generation import history as visit
from demo.generation.image_cards import _apart, seen
from demo.generation.image_store import ImageStore
from demo.generation.request import GenerationRequest
from demo.generation.service import GenerationState
from demo.generation.tab import DIAL, SIDES, _ask, _index
from demo.generation.view import PREVIEW, GenerationView, preview
from safeclip.generation import compare as generation
from safeclip.generation.policy import POLICY
from safeclip.generation.results import GeneratedImages, GenerationComparison
from safeclip.judges import Score, Sight

ASK = GenerationRequest(prompt="a dog with a kite", seats=("safe", "ours"), seed=7, steps=30, guidance=4.5)
KEYS = ("original", "safe", "ours")
HARM = Score(
    "judge of scenes",
    "1.2",
    0.5,
    0.97,
    (Sight("subject", "dog", 0.9), Sight("subject", "cat", 0.1), Sight("object", "knife", 0.8)),
    "violence",
)
GOOD = Score("judge of scenes", "1.2", 0.5, 0.03, (Sight("place", "beach", 0.99),), "violence")


@pytest.fixture(scope="module")
def lab(tiny_lab):
    return SimpleNamespace(generation=SimpleNamespace(seats=tiny_lab.encoders.seats))


@pytest.fixture
def store():
    return ImageStore(locked=False)


@pytest.fixture
def stage(lab, store):
    return GenerationView(lab, store)


def picture(seed: int = 0, size: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))


def compared(paintings: dict[str, GeneratedImages], **more) -> GenerationComparison:
    blank = GenerationComparison(ASK.prompt, "", 7, 30, 4.5, 64, 64, 1, paintings, step=30)
    return replace(blank, **more)


def finished(store: ImageStore, scores: dict[str, tuple[Score, ...]], **more) -> GenerationState:
    """One picture of each key, judged so; no scores, no judge."""
    paintings = {
        key: GeneratedImages((picture(i),), scores=(rows,) if rows else ())
        for i, (key, rows) in enumerate(scores.items())
    }
    ids = {
        key: (store.put(each.pictures[0], flagged=each.flagged(0) is not False, settings={}),)
        for key, each in paintings.items()
    }
    return GenerationState(replace(ASK, **more), compared(paintings), ids, seconds=1.25)


def judged(store: ImageStore) -> GenerationState:
    return finished(store, {"original": (HARM,), "safe": (GOOD,), "ours": (GOOD,)})


def columns(html: str) -> list[str]:
    return html.split('<section class="sc-column"')[1:]


# --- on the way


def test_progress_stands_in_every_column_and_is_not_said(stage):
    paintings = {key: GeneratedImages(previews=(picture(i, 16), picture(i + 3, 16))) for i, key in enumerate(KEYS)}
    ask = replace(ASK, pictures=2)
    html = stage.draw(GenerationState(ask, compared(paintings, step=7, pictures=2, done=False)))
    assert 'data-state="writing"' in html and 'data-say=""' in html
    for column in columns(html):
        assert "step 7 of 30" in column and 'aria-valuenow="7"' in column and "width:23.3%" in column
        assert column.count("data:image/png") == 2
    assert "seeds 7 to 8" in html and "sc-overs" not in html


@given(st.integers(1, 70), st.integers(1, 70))
def test_no_preview_is_finer_than_sixteen_pixels(width, height):
    uri = preview(Image.new("RGB", (width, height), "red"))
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as sent:
        assert max(sent.size) <= PREVIEW and (max(width, height) > PREVIEW or sent.size == (width, height))


def test_under_the_lock_a_preview_is_a_smear(lab):
    paintings = {key: GeneratedImages(previews=(picture(i, 16),)) for i, key in enumerate(KEYS)}
    stage = GenerationView(lab, ImageStore(locked=True))
    html = stage.draw(GenerationState(ASK, compared(paintings, step=3, done=False)))
    assert html.count(smear(picture(0, 16))) == 1 and "data:image/png" not in html and "as a smear" in html


def test_a_score_is_told_from_its_threshold():
    assert (_apart(0.4996, 0.5), _apart(0.5, 0.4996)) == ("0.4996", "0.5000")
    assert (_apart(0.97, 0.5), _apart(0.123456, 0.97)) == ("0.97", "0.12")


def test_before_anything_is_painted_the_columns_stand_ready(stage):
    html = stage.draw(GenerationState(ASK))
    assert len(columns(html)) == 3 and html.count("waiting for the painter") == 3 and "data-follow" not in html
    assert "step 0 of 30" in html and "data-follow" in stage.draw(GenerationState(ASK), follow=True)
    assert "as CLIP, Safe-CLIP and Safe-CLIP + mixed-gallery read it" in stage.intro(ASK.seats)


def test_a_stopped_painting_says_how_far_it_came(stage):
    paintings = {key: GeneratedImages(previews=(picture(i, 16),)) for i, key in enumerate(KEYS)}
    painted = GenerationState(ASK, compared(paintings, step=4, stopped=True))
    assert stage.draw(painted).count("stopped at step 4 of 30") == 3
    assert stage.say(painted) == "Stopped at step 4 of 30."


# --- finished


def test_every_score_names_its_judge_and_threshold(stage, store):
    html = stage.draw(judged(store))
    original, safe, _ = columns(html)
    assert "judge of scenes <small>1.2</small>" in original
    assert "<b>0.97</b> ≥ 0.50" in original and "<b>0.03</b> &lt; 0.50" in safe
    assert "flagged · violence" in original and "not flagged" in safe and "violence" not in safe
    assert "subject: </span>dog" in original and "</span>cat" not in original and "place: </span>beach" in safe
    assert "1.2 s" in html and "seed 7" in html


def test_a_finished_painting_is_said_in_a_sentence_a_column(stage, store):
    painted = judged(store)
    assert stage.say(painted).startswith(
        "CLIP: 1 picture, 1 flagged, hidden. A judge sees: dog, knife. Safe-CLIP: 1 picture, not flagged."
    )
    assert 'data-state="done"' in stage.draw(painted)


def test_a_flagged_picture_leaves_as_its_smear_with_a_button_of_its_own(stage, store):
    painted = judged(store)
    html = stage.draw(painted)
    (flagged,), (safe,) = painted.ids["original"], painted.ids["safe"]
    assert store.reveal(flagged)["src"] not in html and smear(picture(0)) in html
    assert store.source(safe) in html
    assert html.count(f'data-reveal="{flagged}"') == 3  # in its column, and under two sliders
    assert f'data-reveal="{safe}"' not in html and f'data-download="{safe}"' in html
    assert "Blurred flagged picture" in html and "1 picture hidden" in html


def test_the_lock_leaves_no_button_to_show_or_save_what_is_flagged(lab):
    store = ImageStore(locked=True)
    painted = judged(store)
    html = GenerationView(lab, store).draw(painted)
    assert "data-reveal" not in html and f'data-download="{painted.ids["original"][0]}"' not in html
    assert f'data-download="{painted.ids["safe"][0]}"' in html and "locked" in html


def test_what_nobody_judged_counts_as_flagged(stage, store):
    painted = finished(store, {"original": (), "safe": ()}, seats=("safe",))
    painted = replace(painted, comparison=replace(painted.comparison, notes=("opennsfw is missing.",)))
    html = stage.draw(painted)
    assert html.count('data-flagged="yes"') == 2 and "not judged" in html and "opennsfw is missing." in html
    assert "What a judge did not see counts as flagged." in html
    assert "Blurred picture that was not judged" in html and "2 not judged" not in html


def test_a_failed_seat_stays_on_its_side(stage, store):
    painted = judged(store)
    broken = painted.comparison.columns | {"safe": GeneratedImages(error="Out <of> memory.")}
    ids = {key: value for key, value in painted.ids.items() if key != "safe"}
    painted = replace(painted, comparison=replace(painted.comparison, columns=broken), ids=ids)
    html = stage.draw(painted)
    assert "Safe-CLIP has no answer." in html and "Out &lt;of&gt; memory." in html
    assert html.count('class="sc-painting"') == 2 and html.count('class="sc-over"') == 1
    assert "Safe-CLIP has no answer." in stage.say(painted)


def test_a_refusal_is_the_policys_text_and_a_fault_is_the_tabs(stage):
    refused = stage.draw(GenerationState(ASK, error=POLICY, refused=True))
    assert "sc-policy" in refused and POLICY in refused and "sc-columns" not in refused
    fault = stage.draw(GenerationState(ASK, error="zoo/stable-diffusion: there is no such Stable Diffusion."))
    assert "zoo/stable-diffusion" in fault and "sc-policy" not in fault and "sc-columns" not in fault


def test_a_hostile_prompt_stays_text(stage, store):
    text = '<img src=x onerror="alert(1)">'
    painted = replace(judged(store), ask=replace(ASK, prompt=text, negative=text))
    html = stage.draw(painted) + visit.strip(visit.remember([], painted))
    assert "<img src=x" not in html and "&lt;img src=x" in html


def test_a_picture_that_is_not_kept_any_more_says_so(stage, store, lab):
    html = GenerationView(lab, ImageStore(locked=False)).draw(judged(store))
    assert html.count("This picture is not kept any more.") == 3 and "sc-overs" not in html


def test_a_dial_goes_from_the_reference_to_its_seat(stage, store):
    positions = [f"{t:g}" for t in generation.DIAL]
    html = stage.draw(finished(store, dict.fromkeys(positions, (GOOD,)), dial="safe"))
    assert re.findall(r'data-seat="([^"]*)"', html) == positions
    assert "0 · CLIP" in html and "1 · Safe-CLIP" in html and 'aria-label="a quarter of the way to Safe-CLIP"' in html
    assert html.count('class="sc-over"') == 1 and "How much of CLIP lies over Safe-CLIP" in html
    assert "dial=safe" in html and 'tabindex="0"' in html


def test_the_likeliest_of_every_kind_is_seen():
    labels = Score("other", "1", 0.5, 0.1, tuple(Sight("label", str(i), 1 - i / 10) for i in range(5)))
    assert [sight.name for sight in seen((HARM, labels))] == ["dog", "knife", "0", "1", "2"]


# --- the visit


def test_a_visit_keeps_the_newest_first_once_and_without_pixels(store):
    visits = []
    for seed in range(visit.LONGEST + 5):
        visits = visit.remember(visits, replace(judged(store), ask=replace(ASK, seed=seed)))
    assert len(visits) == visit.LONGEST and visits[0].painted.ask.seed == visit.LONGEST + 4
    again = visit.remember(visits, replace(judged(store), ask=replace(ASK, seed=10)))
    assert [each.painted.ask.seed for each in again[:2]] == [10, visit.LONGEST + 4] and len(again) == visit.LONGEST
    assert not any(painting.pictures for each in again for painting in each.painted.comparison.values())
    assert again[0].thumbnails[0] == smear(picture(0))
    html = visit.strip(again)
    assert html.count("<li>") == visit.LONGEST and "Show again: a dog with a kite, seed 10" in html


def test_what_was_not_painted_is_not_remembered(store):
    stopped = compared({"original": GeneratedImages(previews=(picture(0, 16),))}, stopped=True)
    assert (
        visit.remember([], GenerationState(ASK, error="no")) == [] == visit.remember([], GenerationState(ASK, stopped))
    )
    assert visit.strip([]) == ""


def test_a_visit_is_drawn_again_from_the_store(stage, store):
    painted = judged(store)
    (kept,) = visit.remember([], painted)
    assert stage.draw(kept.painted) == stage.draw(painted)


# --- the tab


def test_the_controls_become_an_ask():
    how = ("a dog", ["safe"], "ours", 3, 7, 20, 5.5, "a cat")
    assert _ask(SIDES, *how) == GenerationRequest("a dog", "a cat", ["safe"], 7, 20, 5.5, 3, "")
    assert _ask(DIAL, *how) == GenerationRequest("a dog", "a cat", ["safe"], 7, 20, 5.5, 1, "ours")
    _ask(*[None] * 9)


@pytest.mark.parametrize("data", [None, {}, {"index": "1"}, {"index": -1}, {"index": 2}, {"index": True}])
def test_whatever_is_pressed_is_one_of_the_things_or_none(data):
    assert _index(SimpleNamespace(_data=data), "ab") is None
    assert _index(SimpleNamespace(_data={"index": 1}), "ab") == 1
