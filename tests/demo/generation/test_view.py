"""The generation view: what is drawn of an answer, from the first preview to the history of the history."""

import base64
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo.common.blur_policy import blurred_uri
from demo.generation import history
from demo.generation.image_cards import distinguished, seen
from demo.generation.image_store import ImageStore
from demo.generation.request import GenerationRequest
from demo.generation.service import GenerationState
from demo.generation.view import PREVIEW, GenerationView, preview
from safeclip.generation import compare as generation
from safeclip.generation.results import GeneratedImages, GenerationComparison
from safeclip.judges import Score, Sight
from safeclip.refusal import POLICY
from tests.fakes.painting import generation_section, picture, service_of
from tests.fakes.serving import context_of

REQUEST = GenerationRequest(prompt="a dog with a kite", seats=("safe", "ours"), seed=7, steps=30, guidance=4.5)
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


def view_of(lab, *, locked: bool = False) -> GenerationView:
    """A view with a store of its own."""
    return GenerationView(context_of(lab), service_of(lab, store=ImageStore(locked=locked)))


@pytest.fixture
def view(judged_lab):
    return view_of(judged_lab)


@pytest.fixture
def store(view):
    return view.store


def compared(images: dict[str, GeneratedImages], **more) -> GenerationComparison:
    blank = GenerationComparison(REQUEST.prompt, "", 7, 30, 4.5, 64, 64, 1, images, step=30)
    return replace(blank, **more)


def finished(store: ImageStore, scores: dict[str, tuple[Score, ...]], **more) -> GenerationState:
    """One picture of each key, judged so; no scores, no judge."""
    images = {
        key: GeneratedImages((picture(i, 64),), scores=(rows,) if rows else ())
        for i, (key, rows) in enumerate(scores.items())
    }
    ids = {
        key: (store.put(each.pictures[0], flagged=each.flagged(0) is not False, metadata={}),)
        for key, each in images.items()
    }
    return GenerationState(replace(REQUEST, **more), compared(images), ids, seconds=1.25)


def judged(store: ImageStore) -> GenerationState:
    return finished(store, {"original": (HARM,), "safe": (GOOD,), "ours": (GOOD,)})


def columns(html: str) -> list[str]:
    return html.split('<section class="sc-column"')[1:]


# --- unfinished


def test_progress_is_shown_in_every_column_and_not_announced(view):
    images = {key: GeneratedImages(previews=(picture(i, 16), picture(i + 3, 16))) for i, key in enumerate(KEYS)}
    ask = replace(REQUEST, pictures=2)
    html = view.draw(GenerationState(ask, compared(images, step=7, pictures=2, done=False)))
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


def test_under_the_lock_a_preview_is_blurred(judged_lab):
    images = {key: GeneratedImages(previews=(picture(i, 16),)) for i, key in enumerate(KEYS)}
    view = view_of(judged_lab, locked=True)
    html = view.draw(GenerationState(REQUEST, compared(images, step=3, done=False)))
    assert html.count(blurred_uri(picture(0, 16))) == 1 and "data:image/png" not in html and "as a smear" in html


def test_a_score_has_digits_enough_to_differ_from_its_threshold():
    assert (distinguished(0.4996, 0.5), distinguished(0.5, 0.4996)) == ("0.4996", "0.5000")
    assert (distinguished(0.97, 0.5), distinguished(0.123456, 0.97)) == ("0.97", "0.12")


def test_before_anything_is_generated_the_columns_stand_ready(view):
    html = view.draw(GenerationState(REQUEST))
    assert len(columns(html)) == 3 and html.count("waiting for the painter") == 3 and "data-follow" not in html
    assert "step 0 of 30" in html and "data-follow" in view.draw(GenerationState(REQUEST), follow=True)
    assert "as CLIP, Safe-CLIP and Safe-CLIP + mixed-gallery read it" in view.intro(REQUEST)


def test_a_stopped_run_says_how_far_it_came(view):
    images = {key: GeneratedImages(previews=(picture(i, 16),)) for i, key in enumerate(KEYS)}
    state = GenerationState(REQUEST, compared(images, step=4, stopped=True))
    assert view.draw(state).count("stopped at step 4 of 30") == 3
    assert view.say(state) == "Stopped at step 4 of 30."


# --- finished


def test_what_a_flag_is_worth_is_told_below_the_columns(judged_lab, store, monkeypatch):
    about = {"profile": judged_lab.profile.name}
    labelled = generation_section({"safe": {"harmful": 40.0}})
    monkeypatch.setattr("demo.generation.view.read_metrics", lambda: {"open_world": about, "generation": labelled})
    view = view_of(judged_lab)
    assert "in 2 of 6 labelled paintings" in view.note(judged(view.store))
    monkeypatch.setattr("demo.generation.view.read_metrics", lambda: None)
    assert "labelled paintings" not in view_of(judged_lab).note(judged(store))


def test_every_score_names_its_judge_and_threshold(view, store):
    html = view.draw(judged(store))
    original, safe, _ = columns(html)
    assert "judge of scenes <small>1.2</small>" in original
    assert "<b>0.97</b> ≥ 0.50" in original and "<b>0.03</b> &lt; 0.50" in safe
    assert "flagged · violence" in original and "not flagged" in safe and "violence" not in safe
    assert "subject: </span>dog" in original and "</span>cat" not in original and "place: </span>beach" in safe
    assert "1.2 s" in html and "seed 7" in html


def test_a_finished_answer_is_announced_in_a_sentence_a_column(view, store):
    state = judged(store)
    assert view.say(state).startswith(
        "CLIP: 1 picture, 1 flagged, hidden. A judge sees: dog, knife. Safe-CLIP: 1 picture, not flagged."
    )
    assert 'data-state="done"' in view.draw(state)


def test_a_flagged_image_is_sent_blurred_with_a_button_of_its_own(view, store):
    state = judged(store)
    html = view.draw(state)
    (flagged,), (safe,) = state.ids["original"], state.ids["safe"]
    assert store.reveal(flagged)["src"] not in html and blurred_uri(picture(0, 64)) in html
    assert store.source(safe) in html
    assert html.count(f'data-reveal="{flagged}"') == 3  # in its column, and under two sliders
    assert f'data-reveal="{safe}"' not in html and f'data-download="{safe}"' in html
    assert "Blurred flagged picture" in html and "1 picture hidden" in html


def test_the_lock_leaves_no_button_to_show_or_save_what_is_flagged(judged_lab):
    view = view_of(judged_lab, locked=True)
    state = judged(view.store)
    html = view.draw(state)
    assert "data-reveal" not in html and f'data-download="{state.ids["original"][0]}"' not in html
    assert f'data-download="{state.ids["safe"][0]}"' in html and "locked" in html


def test_an_image_without_a_judge_counts_as_flagged(view, store):
    state = finished(store, {"original": (), "safe": ()}, seats=("safe",))
    state = replace(state, comparison=replace(state.comparison, notes=("opennsfw is missing.",)))
    html = view.draw(state)
    assert html.count('data-flagged="yes"') == 2 and "not judged" in html and "opennsfw is missing." in html
    assert "What a judge did not see counts as flagged." in html
    assert "Blurred picture that was not judged" in html and "2 not judged" not in html


def test_a_failed_seat_says_so_in_its_column(view, store):
    state = judged(store)
    broken = state.comparison.columns | {"safe": GeneratedImages(error="Out <of> memory.")}
    ids = {key: value for key, value in state.ids.items() if key != "safe"}
    state = replace(state, comparison=replace(state.comparison, columns=broken), ids=ids)
    html = view.draw(state)
    assert "Safe-CLIP has no answer." in html and "Out &lt;of&gt; memory." in html
    assert html.count('class="sc-painting"') == 2 and html.count('class="sc-over"') == 1
    assert "Safe-CLIP has no answer." in view.say(state)


def test_a_refusal_is_the_policys_text_and_a_fault_is_the_tabs(view):
    refused = view.draw(GenerationState(REQUEST, error=POLICY, refused=True))
    assert "sc-policy" in refused and POLICY in refused and "sc-columns" not in refused
    fault = view.draw(GenerationState(REQUEST, error="zoo/stable-diffusion: there is no such Stable Diffusion."))
    assert "zoo/stable-diffusion" in fault and "sc-policy" not in fault and "sc-columns" not in fault


def test_a_hostile_prompt_stays_text(view, store):
    text = '<img src=x onerror="alert(1)">'
    state = replace(judged(store), request=replace(REQUEST, prompt=text, negative=text))
    html = view.draw(state) + history.strip(history.remember([], state, store))
    assert "<img src=x" not in html and "&lt;img src=x" in html


def test_an_image_that_is_not_kept_any_more_says_so(view, store, judged_lab):
    html = view_of(judged_lab).draw(judged(store))
    assert html.count("This picture is not kept any more.") == 3 and "sc-overs" not in html


def test_a_dial_goes_from_the_reference_to_its_seat(view, store):
    positions = [f"{t:g}" for t in generation.DIAL]
    html = view.draw(finished(store, dict.fromkeys(positions, (GOOD,)), dial="safe"))
    assert re.findall(r'data-seat="([^"]*)"', html) == positions
    assert "0 · CLIP" in html and "1 · Safe-CLIP" in html and 'aria-label="a quarter of the way to Safe-CLIP"' in html
    assert html.count('class="sc-over"') == 1 and "How much of CLIP lies over Safe-CLIP" in html
    assert "dial=safe" in html and 'tabindex="0"' in html


def test_the_likeliest_of_every_kind_is_seen():
    labels = Score("other", "1", 0.5, 0.1, tuple(Sight("label", str(i), 1 - i / 10) for i in range(5)))
    assert [sight.name for sight in seen((HARM, labels))] == ["dog", "knife", "0", "1", "2"]


# --- the history of the visit


def test_a_visit_keeps_the_newest_first_once_and_without_pixels(store):
    visited = []
    for seed in range(history.LONGEST + 5):
        visited = history.remember(visited, replace(judged(store), request=replace(REQUEST, seed=seed)), store)
    assert len(visited) == history.LONGEST and visited[0].state.request.seed == history.LONGEST + 4
    again = history.remember(visited, replace(judged(store), request=replace(REQUEST, seed=10)), store)
    assert [each.state.request.seed for each in again[:2]] == [10, history.LONGEST + 4] and len(
        again
    ) == history.LONGEST
    assert not any(images.pictures for each in again for images in each.state.comparison.values())
    assert again[0].thumbnails[0] == blurred_uri(picture(0, 64))
    html = history.strip(again)
    assert html.count("<li>") == history.LONGEST and "Show again: a dog with a kite, seed 10" in html


def test_a_run_without_images_is_not_remembered(store):
    stopped = compared({"original": GeneratedImages(previews=(picture(0, 16),))}, stopped=True)
    for state in (GenerationState(REQUEST, error="no"), GenerationState(REQUEST, stopped)):
        assert history.remember([], state, store) == []
    assert history.strip([]) == ""


def test_a_visit_is_drawn_again_from_the_store(view, store):
    state = judged(store)
    (kept,) = history.remember([], state, store)
    assert view.draw(kept.state) == view.draw(state)
    assert history.remember([], kept.state, store) == [kept]  # as a link finds it, without pixels
