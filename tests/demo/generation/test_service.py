"""The generation service: the states of an answer, and what is said when there is none."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safeclip
from demo.generation.image_store import hidden
from demo.generation.precomputed import PrecomputedImages
from demo.generation.request import GenerationRequest
from demo.generation.service import GenerationState
from safeclip.errors import RefusedError
from safeclip.generation.compare import DIAL
from safeclip.generation.results import GeneratedImages, GenerationComparison
from safeclip.judges import Score
from safeclip.refusal import POLICY
from tests.fakes.painting import DEFAULT, PROMPT, decoded, picture, request_of, service_of

REFUSED = "a nude child"


@pytest.fixture(scope="module")
def lab(judged_lab):
    return judged_lab


@pytest.fixture
def service(lab):
    return service_of(lab)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["safe", "original"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.builds(GenerationRequest, *[anything] * 8))
def test_nothing_that_a_browser_sends_is_raised_to_the_page(lab, request_):
    finished = GenerationComparison("", "", 0, 1, 1.0, 8, 8, 1, columns={})
    generation = SimpleNamespace(
        spec=lab.generation.spec, seats=lab.generation.seats, reference="original", loaded=True, fingerprint=""
    )
    generation.stream = generation.dial_stream = lambda *_, **__: iter([finished])
    last = service_of(
        SimpleNamespace(profile=lab.profile, generation=generation, gallery=lab.gallery, remarks=lab.remarks)
    ).answer(request_)
    assert last.done and "log says" not in last.error
    assert last.comparison is finished or last.error


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": " \n "}, "no prompt yet"),
        ({"prompt": "x" * 1001}, "shorten it to 1000"),
        ({"seats": "safe"}, "list of keys"),
        ({"dial": "original"}, "the reference itself"),
        ({"steps": "abc"}, "from 1 to 100"),
    ],
)
def test_a_prompt_that_cannot_be_generated_is_an_error_state(service, values, said):
    *_, last = service.states(replace(request_of(), **values))
    assert said in last.error and last.done and not last.refused
    assert last.comparison is None


@pytest.mark.parametrize("values", [{"prompt": REFUSED}, {"negative": REFUSED}, {"prompt": REFUSED, "dial": "safe"}])
def test_the_policys_text_comes_before_anything_is_loaded(painting_lab, values):
    lab = safeclip.open(painting_lab.profile)
    service = service_of(lab)
    (state,) = service.states(replace(request_of(), **values))
    assert state.refused and state.error == POLICY and state.done
    assert not lab.generation.loaded
    with pytest.raises(RefusedError):
        service.answer_or_raise(replace(request_of(), **values))


def test_the_default_is_the_profiles(service):
    assert service.default == GenerationRequest(seats=("safe", "ours"), steps=4, guidance=3.0)
    assert service.default.empty and not request_of().empty


def test_the_last_state_is_the_librarys_answer(service, lab):
    *before, last = service.states(request_of(pictures=2, seed=5))
    expected = lab.generation.compare(PROMPT, seats=("original", "safe"), seed=5, steps=4, guidance=3.0, pictures=2)
    assert last.comparison == expected and last.done and last.seconds > 0
    assert before and not any(state.done or state.ids for state in before)
    assert {key: len(ids) for key, ids in last.ids.items()} == {"original": 2, "safe": 2}
    sent = decoded(service.store.source(last.ids["safe"][1]))
    assert np.array_equal(np.asarray(sent), np.asarray(expected["safe"].pictures[1]))  # small ones lose nothing


def test_a_dial_has_its_positions_as_columns(service, lab):
    *_, last = service.states(request_of(dial="safe"))
    assert last.comparison == lab.generation.dial(PROMPT, seat="safe", steps=4, guidance=3.0)
    assert list(last.ids) == [f"{t:g}" for t in DIAL]


def test_waiting_is_a_state_of_its_own(painting_lab):
    first = next(service_of(safeclip.open(painting_lab.profile)).states(request_of()))
    assert first.comparison is None and not first.done and not first.error


def test_a_stopped_run_keeps_its_previews(service):
    stop = threading.Event()
    states = service.states(request_of(steps=50), stop=stop)
    for state in states:
        if state.comparison is not None and state.comparison["safe"].previews:
            break
    stop.set()
    *_, last = states
    assert last.done and last.stopped and last.comparison["safe"].previews
    assert not any(last.ids.values()) and not last.error


def test_a_missing_pipeline_is_an_error_state_without_the_servers_folders(painting_lab, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    spec = replace(painting_lab.profile.generation, checkpoint="zoo/stable-diffusion")
    lab = safeclip.open(replace(painting_lab.profile, generation=spec))
    *_, last = service_of(lab, precomputed=PrecomputedImages(lab)).states(request_of())
    assert last.error.startswith("zoo/stable-diffusion") and str(tmp_path) not in last.error


def test_a_fault_of_the_code_is_one_sentence(service, lab, monkeypatch, caplog):
    monkeypatch.setattr(lab.generation, "stream", lambda *a, **k: 1 / 0)
    *_, last = service.states(request_of("my secret"))
    assert "ZeroDivisionError" not in last.error and "log" in last.error
    assert "ZeroDivisionError" in caplog.text and "secret" not in caplog.text


def test_only_an_image_that_every_judge_passed_is_sent_clear(service, lab, monkeypatch):
    monkeypatch.setattr(lab.generation.judges[0], "harmful", 99)
    *_, last = service.states(request_of())
    source = service.store.source(last.ids["safe"][0])
    assert decoded(source).size == (48, 48)  # blurred
    assert hidden(last.comparison["safe"], 0)
    assert hidden(GeneratedImages(pictures=(picture(),)), 0)  # nobody judged it
    assert not hidden(GeneratedImages(pictures=(picture(),), scores=((Score("j", "1", 0.5, 0.25),),)), 0)


def test_a_state_is_done_when_nothing_more_comes():
    assert GenerationState(DEFAULT, error="no").done and not GenerationState(DEFAULT).done
