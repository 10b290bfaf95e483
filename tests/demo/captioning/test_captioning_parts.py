"""Questions about pictures, their answers, links, shipped answers and the stage: what they say."""

import json
import threading
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo.captioning import precomputed as shipped
from demo.captioning.precomputed import PrecomputedCaptions
from demo.captioning.request import CaptioningRequest, CaptioningService, CaptioningState
from demo.captioning.tab import SHELF, UPLOAD, _ask
from demo.captioning.view import CaptioningView, marked, suggestions
from demo.common import gallery_picker as picker
from demo.common.blur_policy import BlurPolicy, data_uri
from demo.common.permalink import caption_from_query, caption_query, from_query
from demo.common.session_runs import SessionRuns
from demo.retrieval.request import RetrievalRequest
from safeclip.captioning.compare import MAX_NEW_TOKENS, MAX_QUESTION, Captioning
from safeclip.captioning.results import Answer
from safeclip.errors import ImageError

NONE = SimpleNamespace(find=lambda ask: None)
DEFAULT = CaptioningRequest(question="Describe the picture.", seats=("safe",))


@pytest.fixture(scope="module")
def captions(talking_lab):
    return CaptioningService(talking_lab, NONE)


@pytest.fixture(scope="module")
def stage(talking_lab):
    return CaptioningView(talking_lab, BlurPolicy(talking_lab.gallery, locked=False))


@pytest.fixture(scope="module")
def unsafe(talking_lab):
    return next(item for item in talking_lab.gallery.items if item.unsafe)


def ask_of(item, **more) -> CaptioningRequest:
    return replace(CaptioningRequest(item=item.image_id, seats=("safe",), max_new_tokens=12), **more)


# --- what is told


def test_the_last_thing_told_is_the_librarys_answer(captions, talking_lab, unsafe):
    *before, last = captions.tell(ask_of(unsafe, question=" Who is  it? "))
    expected = talking_lab.captioning.compare(
        talking_lab.gallery.image(unsafe.image_id), "Who is it?", seats=("original", "safe"), max_new_tokens=12
    )
    assert last.done and last.comparison == expected and last.item is unsafe
    assert before and not any(told.done for told in before)


def test_loading_is_told_before_the_first_answer(talking_lab, unsafe):
    lab = SimpleNamespace(
        gallery=talking_lab.gallery,
        captioning=Captioning(talking_lab.profile.captioning, talking_lab.encoders),
    )
    captions = CaptioningService(lab, NONE)
    first = next(captions.tell(ask_of(unsafe)))
    assert first.comparison is None and not first.done and not first.error
    list(captions.tell(ask_of(unsafe)))
    assert next(captions.tell(ask_of(unsafe))).comparison is not None  # loaded by now


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (CaptioningRequest(), "There is no picture yet"),
        (CaptioningRequest(item="0" * 16), "has no picture “0000000000000000”"),
        (CaptioningRequest(item="0" * 16, upload="1" * 16), "one picture at a time"),
        (CaptioningRequest(upload="1" * 16), "did not arrive"),
        (CaptioningRequest(item="0" * 16, seats=("nobody",)), "no seat “nobody”"),
    ],
)
def test_what_cannot_be_answered_is_told_in_words(captions, stage, ask, said):
    (told,) = captions.tell(ask)
    assert said in told.error and told.done
    assert said in stage.answers(told) and stage.say(told) == told.error


def test_bad_options_are_told(captions, unsafe):
    assert "from 1 to 512" in list(captions.tell(ask_of(unsafe, max_new_tokens=0)))[-1].error


def test_a_missing_llava_is_told_and_no_crash(talking_lab, stage, unsafe, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    spec = replace(talking_lab.profile.captioning, checkpoint="zoo/llava")
    lab = SimpleNamespace(gallery=talking_lab.gallery, captioning=Captioning(spec, talking_lab.encoders))
    last = list(CaptioningService(lab, NONE).tell(ask_of(unsafe)))[-1]
    assert last.error.startswith("zoo/llava: there is no such LLaVA checkpoint")  # no folder of the server
    assert "zoo/llava" in stage.answers(last)


def test_a_server_fault_is_no_stack_trace(captions, talking_lab, unsafe, monkeypatch, caplog):
    monkeypatch.setattr(talking_lab.captioning, "stream", lambda *a, **k: 1 / 0)
    last = list(captions.tell(ask_of(unsafe)))[-1]
    assert "ZeroDivisionError" not in last.error and "log" in last.error
    assert "ZeroDivisionError" in caplog.text


def test_a_stopped_answer_says_so(captions, stage, unsafe):
    stop = threading.Event()
    answering = captions.tell(ask_of(unsafe, max_new_tokens=100), stop=stop)
    next(answering)
    stop.set()
    *_, last = answering
    assert last.done and last.stopped
    assert "stopped" in stage.answers(last)


# --- the stage


def test_answers_stand_side_by_side_with_their_judge(captions, stage, unsafe):
    told = list(captions.tell(ask_of(unsafe, seats=("safe", "ours"))))[-1]
    html = stage.answers(told)
    assert html.count("<section") == 3 and 'data-columns="3"' in html
    assert "lexicon of ViSU-Emoji, version" in html and "harmful from 0.5" in html
    assert 'data-state="done"' in html and html.count("data-copy-text") == 3
    for answer in told.comparison.values():
        assert str(marked(answer)) in html
    say = stage.say(told)
    assert say.startswith(f"CLIP says: {told.comparison['original'].text}.")


def test_nothing_is_said_aloud_before_it_is_whole(captions, stage, unsafe):
    *before, last = captions.tell(ask_of(unsafe))
    for told in before:
        html = stage.answers(told)
        assert 'data-say=""' in html and 'data-state="writing"' in html and "data-copy-text" not in html
    assert 'data-say=""' not in stage.answers(last)


def test_unsafe_words_are_marked_for_eyes_and_ears(talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": 'a <b>"dog"</b> with bombs & a pistol'})
    html = str(marked(comparison["original"]))
    assert html.count("<mark") == 2
    assert 'title="unsafe: violence">bombs<span class="sc-sr"> (unsafe: violence)</span></mark> &amp; a <mark' in html
    assert "<b>" not in html and "&lt;b&gt;" in html


def test_a_failed_side_is_told_on_its_side(stage, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog", "safe": ""})
    broken = replace(comparison, answers=comparison.answers | {"safe": Answer(error="The tower <i>fell</i>.")})
    html = stage.answers(CaptioningState(ask_of(unsafe), broken, unsafe))
    assert "Safe-CLIP has no answer." in html and "The tower &lt;i&gt;fell&lt;/i&gt;." in html
    assert "a dog" in html
    assert stage.say(CaptioningState(ask_of(unsafe), broken, unsafe)) == "CLIP says: a dog. Safe-CLIP has no answer."


def test_a_score_is_shown_where_no_words_are_marked(stage, unsafe, talking_lab):
    comparison = talking_lab.captioning.judged("?", {"original": "a dog", "safe": "a cat"})
    judge = replace(comparison.judge, name="Detoxify", marks_words=False)
    answers = {"original": Answer("damn", score=0.875), "safe": Answer("dear", score=0.125)}
    html = stage.answers(CaptioningState(ask_of(unsafe), replace(comparison, judge=judge, answers=answers), unsafe))
    assert 'data-level="some"><b>0.88</b> harm' in html and 'data-level="none"><b>0.12</b> harm' in html
    assert "Judged by the Detoxify" in html and "marks no words" in html


def test_the_clear_picture_of_an_unsafe_item_is_not_drawn(talking_lab, stage, unsafe):
    clear = data_uri(talking_lab.gallery.image_bytes(unsafe.image_id))
    html = stage.picture(CaptioningState(ask_of(unsafe), item=unsafe))
    assert clear not in html and f'data-reveal="{unsafe.image_id}"' in html
    locked = CaptioningView(talking_lab, BlurPolicy(talking_lab.gallery, locked=True))
    assert "data-reveal" not in locked.picture(CaptioningState(ask_of(unsafe), item=unsafe))
    safe = talking_lab.gallery.item(unsafe.twin)
    assert data_uri(talking_lab.gallery.image_bytes(safe.image_id)) in stage.picture(
        CaptioningState(ask_of(safe), item=safe)
    )
    view = picker.View()
    assert clear not in picker.shelf(talking_lab.gallery, view, stage.shield, "Ask about")


def test_an_upload_is_shown_and_cannot_be_linked(captions, stage):
    ask = CaptioningRequest(upload="1" * 16, seats=("safe",), max_new_tokens=4)
    told = list(captions.tell(ask, Image.new("RGB", (40, 30), "red")))[-1]
    assert "Your picture" in stage.picture(told)
    assert 'data-permalink=""' in stage.answers(told) and "cannot be part of a link" in stage.answers(told)


def test_hostile_questions_stay_text(captions, stage, unsafe):
    text = '<img src=x onerror="alert(1)">'
    html = stage.answers(list(captions.tell(ask_of(unsafe, question=text)))[-1])
    assert "<img src=x" not in html and "&lt;img src=x" in html
    assert "&#34;" in suggestions(('a "b" <c>',)) and "<c>" not in suggestions(("<c>",))


# --- links

keys = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True).filter(lambda key: key != "none")
questions = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).map(lambda text: " ".join(text.split()))
hot = st.fixed_dictionaries(
    {
        "temperature": st.integers(1, 200).map(lambda n: n / 100),
        "top_p": st.integers(1, 100).map(lambda n: n / 100),
        "seed": st.integers(0, 10**15 - 1),
    }
)
asks = st.builds(
    lambda hot, **rest: CaptioningRequest(**rest, **hot),
    hot=hot | st.just({}),
    item=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    question=questions.filter(bool),
    seats=st.lists(keys, max_size=4, unique=True).map(tuple),
    max_new_tokens=st.integers(1, MAX_NEW_TOKENS),
)


def params(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


@given(asks)
def test_links_round_trip(ask):
    address = params(caption_query(ask))
    assert caption_from_query(address, DEFAULT) == ask
    assert from_query(address, RetrievalRequest()) is None  # and it is not one of the retrieval tab


@given(
    st.dictionaries(
        st.sampled_from(["picture", "question", "seats", "tokens", "temperature", "top_p", "seed"]), st.text()
    )
)
def test_any_address_is_read(address):
    ask = caption_from_query(address, DEFAULT)
    if ask is not None:
        assert ask.item and len(ask.question) <= MAX_QUESTION
        assert 1 <= ask.max_new_tokens <= MAX_NEW_TOKENS and 0 <= ask.temperature <= 2 and 0.01 <= ask.top_p <= 1


def test_a_retrieval_address_asks_no_caption():
    assert caption_from_query({"q": "a dog", "item": "0" * 16}, DEFAULT) is None
    assert caption_query(CaptioningRequest(upload="1" * 16)) == "" == caption_query(CaptioningRequest())


# --- shipped answers


def test_examples_are_of_every_category(talking_lab):
    found = shipped.examples("tiny", talking_lab.gallery, ("safe",))
    assert {each.label.lower() for each in found} == {*talking_lab.gallery.categories(), "nothing unsafe"}
    assert all(each.ask.item in talking_lab.gallery and not each.ask.upload for each in found)


def test_shipped_answers_are_the_models_own_and_load_nothing(talking_lab, tmp_path, monkeypatch):
    file = tmp_path / "captions.toml"
    table = shipped.ask_all(talking_lab)
    shipped.write(file, "tiny", table)
    shipped.write(file, "other", {"models": "x", "answers": []})
    examples = shipped.examples("tiny", talking_lab.gallery, ("safe",))
    assert len(table["answers"]) == len(examples) * len(talking_lab.captioning.questions)

    captioning = Captioning(talking_lab.profile.captioning, talking_lab.encoders)
    lab = SimpleNamespace(gallery=talking_lab.gallery, captioning=captioning, profile=talking_lab.profile)
    ask = replace(examples[0].ask, question="Who is in the picture?")
    (told,) = CaptioningService(lab, PrecomputedCaptions(lab, file)).tell(ask)
    assert told.shipped and told.done and not captioning.loaded
    image = talking_lab.gallery.image(ask.item)
    expected = talking_lab.captioning.compare(image, ask.question, seats=("original", "safe"))
    assert {key: answer.text for key, answer in told.comparison.items()} == {
        key: answer.text for key, answer in expected.items()
    }
    assert told.comparison["safe"].unsafe == expected["safe"].unsafe
    for other in (replace(ask, temperature=0.5), replace(ask, max_new_tokens=8), replace(ask, question="Why?")):
        assert PrecomputedCaptions(lab, file).find(other) is None


@pytest.mark.parametrize("content", [None, "", "x = [", '[tiny]\nmodels = "of yore"\nanswers = []\n'])
def test_without_fitting_shipped_answers_the_models_are_asked(talking_lab, unsafe, tmp_path, content):
    file = tmp_path / "captions.toml"
    if content is not None:
        file.write_text(content)
    assert PrecomputedCaptions(talking_lab, file).find(CaptioningRequest(item=unsafe.image_id, question="Who?")) is None


@given(st.text(st.characters(codec="utf-8")))
def test_any_answer_survives_the_file(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("shipped") / "captions.toml"
    row = {"item": "1" * 16, "question": text, "answers": {"original": text}}
    shipped.write(file, "tiny", {"models": "m", "answers": [row]})
    lab = SimpleNamespace(profile=SimpleNamespace(name="tiny"), captioning=SimpleNamespace(fingerprint="m"))
    assert PrecomputedCaptions(lab, file)._read() == {("1" * 16, text): {"original": text}}


# --- the tab


def test_the_controls_become_a_question(tmp_path, talking_lab, unsafe):
    how = (["safe"], 32, 0.5, 0.9, 3)
    ask, picture = _ask(SHELF, None, unsafe.image_id, "Who?", *how)
    assert ask == CaptioningRequest(unsafe.image_id, "", "Who?", ("safe",), 32, 0.5, 0.9, 3) and picture is None
    path = tmp_path / "mine.png"
    Image.new("RGB", (8, 6), "blue").save(path)
    ask, picture = _ask(UPLOAD, {"path": str(path)}, unsafe.image_id, "", *how)
    assert ask.upload and not ask.item and picture.size == (8, 6)
    assert _ask(UPLOAD, None, unsafe.image_id, "", *how)[0].empty
    path.write_text("no picture")
    with pytest.raises(ImageError, match="not a picture"):
        _ask(UPLOAD, {"path": str(path)}, "", "", *how)
    assert _ask(None, None, None, None, None, None, None, None, None)[0].max_new_tokens == 0  # told by the library


def test_a_new_question_ends_the_sessions_last_one():
    runs = SessionRuns()
    first, other = runs.start("a"), runs.start("b")
    second = runs.start("a")
    assert first.stop.is_set() and not other.stop.is_set() and not second.stop.is_set()
    assert runs.get("a", first.ticket) is None and runs.get("a", second.ticket) is second
    runs.stop("a")
    runs.stop("a")
    assert second.stop.is_set() and not other.stop.is_set()
    assert runs.get("a", second.ticket) is second  # it may still say how far it came
    runs.leave("a")
    assert runs.get("a", second.ticket) is None and runs.get("b", other.ticket) is other


def test_suggestions_carry_their_question():
    html = suggestions(("Who is it?",))
    assert json.dumps({"text": "Who is it?"}).replace('"', "&#34;") in html and 'data-send="question"' in html
