"""The captioning view: what is drawn and said of an answer."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from demo.captioning.request import CaptioningRequest
from demo.captioning.service import CaptioningState
from demo.captioning.view import CaptioningView, marked, suggestions
from demo.common.blur_policy import data_uri
from safeclip.captioning.results import Answer
from tests.demo.captioning.requests import request_of, service_of
from tests.fakes.serving import context_of


@pytest.fixture(scope="module")
def service(talking_lab):
    return service_of(talking_lab)


@pytest.fixture(scope="module")
def view(talking_lab, service):
    return CaptioningView(context_of(talking_lab), service)


@pytest.fixture(scope="module")
def unsafe(talking_lab):
    return next(item for item in talking_lab.gallery.items if item.unsafe)


def test_answers_stand_side_by_side_with_their_judge(service, view, unsafe):
    state = service.answer(request_of(unsafe, seats=("safe", "ours")))
    html = view.draw(state)
    answers, _, cited = html.partition('<details class="sc-report">')
    assert answers.count("<section") == 3 and 'data-columns="3"' in answers and "Cite this case" in cited
    assert "lexicon of ViSU-Emoji, version" in html and "harmful from 0.5" in html
    assert 'data-state="done"' in html and answers.count("data-copy-text") == 3
    for answer in state.comparison.values():
        assert str(marked(answer)) in html
    assert view.say(state).startswith(f"CLIP says: {state.comparison['original'].text}.")


def test_screen_readers_hear_an_answer_once_it_is_complete(service, view, unsafe):
    *before, last = service.states(request_of(unsafe, question="Who?"))
    assert before
    for state in before:
        html = view.draw(state)
        assert 'data-say=""' in html and 'data-state="writing"' in html and "data-copy-text" not in html
    assert 'data-say=""' not in view.draw(last)


def test_an_error_is_drawn_and_said(service, view):
    state = service.answer(CaptioningRequest())
    assert state.error in view.draw(state) and view.say(state) == state.error


def test_a_stopped_answer_says_so(view, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog"})
    cut = replace(comparison, answers={"original": replace(comparison["original"], complete=False, tokens=(1, 2))})
    state = CaptioningState(request_of(unsafe, seats=()), cut, stopped=True)
    assert "stopped" in view.draw(state) and "cut at 2 tokens" in view.draw(replace(state, stopped=False))


def test_unsafe_words_are_marked_for_eyes_and_ears(talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": 'a <b>"dog"</b> with bombs & a pistol'})
    html = str(marked(comparison["original"]))
    assert html.count("<mark") == 2
    assert 'title="unsafe: violence">bombs<span class="sc-sr"> (unsafe: violence)</span></mark> &amp; a <mark' in html
    assert "<b>" not in html and "&lt;b&gt;" in html


def test_a_failed_seat_says_so_in_its_column(view, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog", "safe": ""})
    broken = replace(comparison, answers=comparison.answers | {"safe": Answer(error="The tower <i>fell</i>.")})
    state = CaptioningState(request_of(unsafe), broken, item=unsafe)
    html = view.draw(state)
    assert "Safe-CLIP has no answer." in html and "The tower &lt;i&gt;fell&lt;/i&gt;." in html
    assert "a dog" in html
    assert view.say(state) == "CLIP says: a dog. Safe-CLIP has no answer."


def test_a_score_is_shown_where_no_words_are_marked(view, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog", "safe": "a cat"})
    judge = replace(comparison.judge, name="Detoxify", marks_words=False)
    answers = {"original": Answer("damn", score=0.875), "safe": Answer("dear", score=0.125)}
    html = view.draw(CaptioningState(request_of(unsafe), replace(comparison, judge=judge, answers=answers)))
    assert 'data-level="some"><b>0.88</b> harm' in html and 'data-level="none"><b>0.12</b> harm' in html
    assert "Judged by the Detoxify" in html and "marks no words" in html


def test_answers_that_nobody_judged_are_not_said_to_name_nothing_unsafe(view, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog", "safe": "a cat"})
    state = CaptioningState(request_of(unsafe), replace(comparison, judge=None))
    html = view.draw(state)
    assert html.count("<b>—</b> not judged") == 2 and "unsafe words" not in html and "nothing unsafe" not in html


def test_the_clear_image_of_an_unsafe_item_is_not_drawn(talking_lab, service, view, unsafe):
    clear = data_uri(talking_lab.gallery.image_bytes(unsafe.image_id))
    html = view.image_box(CaptioningState(request_of(unsafe), item=unsafe))
    assert clear not in html and f'data-reveal="{unsafe.image_id}"' in html
    locked = CaptioningView(context_of(talking_lab, present=True), service)
    assert "data-reveal" not in locked.image_box(CaptioningState(request_of(unsafe), item=unsafe))
    safe = talking_lab.gallery.item(unsafe.twin)
    source = data_uri(talking_lab.gallery.image_bytes(safe.image_id))
    assert source in view.image_box(CaptioningState(request_of(safe), item=safe))


def test_an_upload_is_shown_and_cannot_be_linked(service, view):
    request = CaptioningRequest(upload="1" * 16, seats=("safe",), max_new_tokens=4)
    state = service.answer(request, Image.new("RGB", (40, 30), "red"))
    assert "Your picture" in view.image_box(state)
    assert 'data-permalink=""' in view.draw(state) and "cannot be part of a link" in view.draw(state)


def test_hostile_questions_stay_text(service, view, unsafe):
    html = view.draw(service.answer(request_of(unsafe, question='<img src=x onerror="alert(1)">')))
    assert "<img src=x" not in html and "&lt;img src=x" in html
    assert "&#34;" in suggestions(('a "b" <c>',)) and "<c>" not in suggestions(("<c>",))


def test_suggestions_carry_their_question():
    html = suggestions(("Who is it?",))
    assert json.dumps({"text": "Who is it?"}).replace('"', "&#34;") in html and 'data-send="question"' in html
