"""Prompts, what is told of them, and the pictures that come with the page."""

import io
import json
import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import safeclip
from demo.generation import precomputed as shipped_paintings
from demo.generation.image_store import ImageStore
from demo.generation.precomputed import PrecomputedImages
from demo.generation.request import GenerationRequest, checked
from demo.generation.service import GenerationService, GenerationState, hidden
from safeclip.errors import QueryError, RefusedError
from safeclip.generation.compare import DIAL
from safeclip.generation.policy import POLICY
from safeclip.generation.results import GeneratedImages, GenerationComparison
from safeclip.judges import Score
from tests.fakes.painting import DEFAULT, NONE, PROMPT, ask_of, decoded, picture

REFUSED = "a nude child"


@pytest.fixture(scope="module")
def lab(judged_lab):
    return judged_lab


@pytest.fixture
def harmful(lab, monkeypatch):
    """The judge finds every picture harmful."""
    monkeypatch.setattr(lab.generation.judges[0], "harmful", 99)


@pytest.fixture
def generations(lab):
    return GenerationService(lab, NONE, ImageStore(locked=False))


# --- what is asked

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["safe", "original"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.builds(GenerationRequest, *[anything] * 8))
def test_whatever_a_browser_sends_is_an_ask_or_told(lab, ask):
    try:
        found = checked(ask, lab.generation)
    except QueryError as error:
        assert len(str(error)) < 300
        return
    hash(found)
    assert isinstance(found.prompt, str) and isinstance(found.negative, str)
    assert {type(each) for each in (found.seed, found.steps, found.pictures)} <= {int, float}
    assert set(found.seats) <= {"safe", "ours"} and found.dial in ("", "safe", "ours")


@given(st.builds(GenerationRequest, *[anything] * 8))
def test_and_nothing_of_it_is_raised(lab, ask):
    faint = SimpleNamespace(spec=lab.generation.spec, seats=lab.generation.seats, reference="original", loaded=True)
    finished = GenerationComparison("", "", 0, 1, 1.0, 8, 8, 1, columns={})
    faint.stream = faint.dial_stream = lambda *_, **__: iter([finished])
    generations = GenerationService(SimpleNamespace(generation=faint), NONE, None)
    *_, last = generations.tell(ask)
    assert last.done and "log says" not in last.error
    assert last.comparison is finished or last.error


def test_an_ask_is_what_the_library_takes(lab):
    ask = GenerationRequest(
        " a\tdog\x00\ud800 ", None, ["ours", "original", "safe", "ours"], 7.0, None, None, 2.0, None
    )
    expected = GenerationRequest("a dog ?", "", ("safe", "ours"), 7, 4, 3.0, 2, "")
    assert checked(ask, lab.generation) == expected
    assert checked(replace(expected, dial="safe"), lab.generation).pictures == 1  # a dial has one a position


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": ["a dog"]}, "prompt must be text"),
        ({"prompt": " \n "}, "no prompt yet"),
        ({"prompt": "x" * 1001}, "shorten it to 1000"),
        ({"negative": 3}, "negative prompt must be text"),
        ({"seats": "safe"}, "list of keys"),
        ({"seats": ("nobody",)}, "no seat “nobody”"),
        ({"seats": ([],)}, "no seat “[]”"),
        ({"dial": "nobody"}, "no seat “nobody”"),
        ({"dial": "original"}, "starts from “original”"),
        ({"seed": math.nan}, "whole number"),
        ({"seed": 1.5}, "whole number"),
        ({"seed": 2**53}, "seed must be"),
        ({"seed": True}, "must be a number"),
        ({"seed": [0] * 100_000}, "must be a number"),
        ({"steps": 10**400}, "steps must be"),
        ({"steps": math.inf}, "steps must be"),
        ({"guidance": math.nan}, "guidance must be"),
        ({"guidance": 0.5}, "guidance must be"),
        ({"pictures": 0}, "pictures must be"),
    ],
)
def test_what_cannot_be_painted_is_told_in_words(generations, values, said):
    *_, last = generations.tell(replace(ask_of(), **values))
    assert said in last.error and last.done and not last.refused
    assert last.comparison is None


@pytest.mark.parametrize("values", [{"prompt": REFUSED}, {"negative": REFUSED}, {"prompt": REFUSED, "dial": "safe"}])
def test_the_policys_text_is_told_before_anything_is_loaded(painting_lab, values):
    lab = safeclip.open(painting_lab.profile)
    generations = GenerationService(lab, NONE, ImageStore(locked=False))
    (told,) = generations.tell(replace(ask_of(), **values))
    assert told.refused and told.error == POLICY and told.done
    assert not lab.generation.loaded
    with pytest.raises(RefusedError):
        list(generations.tell_or_raise(replace(ask_of(), **values)))


def test_the_default_is_the_profiles(generations):
    assert generations.default == GenerationRequest(seats=("safe", "ours"), steps=4, guidance=3.0)
    assert generations.default.empty and not ask_of().empty


# --- what is told


def test_the_last_thing_told_is_the_librarys_answer(generations, lab):
    *before, last = generations.tell(ask_of(pictures=2, seed=5))
    expected = lab.generation.compare(PROMPT, seats=("original", "safe"), seed=5, steps=4, guidance=3.0, pictures=2)
    assert last.comparison == expected and last.done and last.seconds > 0
    assert before and not any(told.done or told.ids for told in before)
    assert {key: len(ids) for key, ids in last.ids.items()} == {"original": 2, "safe": 2}
    sent = decoded(generations.store.source(last.ids["safe"][1]))
    assert np.array_equal(np.asarray(sent), np.asarray(expected["safe"].pictures[1]))  # as small as it is, unharmed


def test_a_dial_is_told_position_by_position(generations, lab):
    *_, last = generations.tell(ask_of(dial="safe"))
    assert last.comparison == lab.generation.dial(PROMPT, seat="safe", steps=4, guidance=3.0)
    assert list(last.ids) == [f"{t:g}" for t in DIAL]


def test_loading_is_told_before_the_first_picture(painting_lab):
    generations = GenerationService(safeclip.open(painting_lab.profile), NONE, ImageStore(locked=False))
    first = next(generations.tell(ask_of()))
    assert first.comparison is None and not first.done and not first.error


def test_a_stopped_run_keeps_its_previews(generations):
    stop = threading.Event()
    painting = generations.tell(ask_of(steps=50), stop)
    for told in painting:
        if told.comparison is not None and told.comparison["safe"].previews:
            break
    stop.set()
    *_, last = painting
    assert last.done and last.comparison.stopped and last.comparison["safe"].previews
    assert not any(last.ids.values()) and not last.error


def test_a_missing_pipeline_is_told_and_no_crash(painting_lab, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    spec = replace(painting_lab.profile.generation, checkpoint="zoo/stable-diffusion")
    lab = safeclip.open(replace(painting_lab.profile, generation=spec))
    *_, last = GenerationService(lab, PrecomputedImages(lab), ImageStore(locked=False)).tell(ask_of())
    assert last.error.startswith("zoo/stable-diffusion") and str(tmp_path) not in last.error


def test_a_server_fault_is_no_stack_trace(generations, lab, monkeypatch, caplog):
    monkeypatch.setattr(lab.generation, "stream", lambda *a, **k: 1 / 0)
    *_, last = generations.tell(ask_of())
    assert "ZeroDivisionError" not in last.error and "log" in last.error
    assert "ZeroDivisionError" in caplog.text


def test_only_a_picture_that_a_judge_passed_is_shown(generations, lab, harmful):
    *_, last = generations.tell(ask_of())
    source = generations.store.source(last.ids["safe"][0])
    assert decoded(source).size == (48, 48)  # the smear
    assert hidden(last.comparison["safe"], 0)
    assert hidden(GeneratedImages(pictures=(picture(),)), 0)  # nobody judged it
    assert not hidden(GeneratedImages(pictures=(picture(),), scores=((Score("j", "1", 0.5, 0.25),),)), 0)


# --- pictures that come with the page


def test_examples_are_of_every_category(lab):
    found = shipped_paintings.examples(lab, ("safe",))
    labels = [each.label.lower() for each in found]
    assert set(labels) == {*lab.gallery.categories(), "nothing unsafe"}
    assert all(labels.count(label) <= 2 for label in labels)
    assert all(each.ask == ask_of(each.ask.prompt) and not each.ask.empty for each in found)


def test_without_a_gallery_there_are_no_examples(lab):
    other = safeclip.open(replace(lab.profile, retrieval=None))
    assert shipped_paintings.examples(other, ("safe",)) == ()


@pytest.fixture(scope="module")
def comparisons(lab):
    return shipped_paintings.paint_all(lab)


@pytest.fixture
def folder(lab, comparisons, tmp_path):
    """Of shipped pictures, written over older ones."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "99-old.webp").write_bytes(b"of yore")
    size = shipped_paintings.write(tmp_path / "tiny", lab.generation.fingerprint, comparisons)
    assert size == sum(file.stat().st_size for file in tmp_path.glob("*/*.webp")) < shipped_paintings.MAX_BYTES
    return tmp_path


def test_shipped_pictures_are_the_models_own_and_are_judged_anew(lab, comparisons, folder, harmful):
    painted = {each.prompt: each for each in comparisons}
    shipped, store = PrecomputedImages(lab, folder), ImageStore(locked=False)
    for example in shipped_paintings.examples(lab, ("ours",)):
        (told,) = GenerationService(lab, shipped, store).tell(example.ask)
        expected = painted[example.ask.prompt]
        assert told.shipped and told.done and list(told.ids) == ["original", "ours"]
        assert told.comparison.to_dict() | {"seats": {}} == expected.to_dict() | {"seats": {}}
        file = shipped_paintings._webp(expected["ours"].pictures[0], shipped_paintings._QUALITIES[0])
        assert told.comparison["ours"].pictures[0] == Image.open(io.BytesIO(file)).convert("RGB")
        assert told.comparison["ours"].flagged(0) and not expected["ours"].flagged(0)
        assert decoded(store.source(told.ids["ours"][0])).size == (48, 48)
    for other in ({"seed": 1}, {"steps": 3}, {"pictures": 2}, {"negative": "a cat"}, {"dial": "safe"}):
        assert shipped.find(replace(example.ask, **other)) is None


def test_the_command_says_what_it_wrote(lab, comparisons, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_paintings, "paint_all", lambda _: comparisons)
    monkeypatch.setattr(shipped_paintings, "FOLDER", tmp_path)
    said = shipped_paintings._write_all(lab)
    assert said.startswith(f"{tmp_path / 'tiny'}: ") and "examples" in said
    index = json.loads((tmp_path / "tiny" / "index.json").read_text(encoding="utf-8"))
    assert index["models"] == lab.generation.fingerprint
    assert all(each["ask"].keys() >= {"prompt", "seed", "steps"} for each in index["paintings"])


@pytest.mark.parametrize("damage", ["missing", "", "[]", '{"models": "of yore", "paintings": []}', "picture"])
def test_without_fitting_shipped_pictures_the_models_are_asked(lab, folder, damage, caplog):
    ask = shipped_paintings.examples(lab, ("safe",))[0].ask
    index = folder / "tiny" / "index.json"
    if damage == "missing":
        index.unlink()
    elif damage == "picture":
        for file in index.parent.glob("*.webp"):
            file.write_bytes(b"RIFF")
    else:
        index.write_text(damage)
    assert PrecomputedImages(lab, folder).find(ask) is None
    if "of yore" in damage:
        assert "run python -m demo.generation.precomputed" in caplog.text


def test_pictures_that_do_not_fit_are_encoded_smaller(monkeypatch):
    pictures = {str(i): picture(i, 64) for i in range(4)}
    best = shipped_paintings._encoded(pictures)
    monkeypatch.setattr(shipped_paintings, "MAX_BYTES", sum(map(len, best.values())))
    less = shipped_paintings._encoded(pictures)
    assert sum(map(len, less.values())) < sum(map(len, best.values()))
    monkeypatch.setattr(shipped_paintings, "MAX_BYTES", 10)
    with pytest.raises(safeclip.SafeClipError, match="fewer examples"):
        shipped_paintings._encoded(pictures)


def test_painted_is_done_when_nothing_more_comes():
    assert GenerationState(DEFAULT, error="no").done and not GenerationState(DEFAULT).done
