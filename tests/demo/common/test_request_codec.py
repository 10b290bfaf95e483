"""One declaration of a request's fields: links are read forgivingly, values strictly, and both say the same."""

import logging
import math
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.captioning.request import CaptioningRequest
from demo.common.request_codec import Request, Text, Whole, declare, fields_of, one_line
from demo.common.service import log_failure
from demo.generation.request import LAST_SEED, GenerationRequest
from demo.retrieval.request import MAX_CHARACTERS, MAX_K, RetrievalRequest
from safeclip.captioning.settings import MAX_NEW_TOKENS, MAX_QUESTION
from safeclip.errors import QueryError
from safeclip.generation.settings import MAX_PICTURES, MAX_PROMPT
from safeclip.profiles import MAX_GUIDANCE, MAX_STEPS, Seat

SEATS = {key: Seat(key, key.title(), "a") for key in ("original", "safe", "ours")}
DEFAULTS = {
    RetrievalRequest: RetrievalRequest(seats=("safe",)),
    CaptioningRequest: CaptioningRequest(question="Describe the picture.", seats=("safe",)),
    GenerationRequest: GenerationRequest(seats=("safe",), steps=20, guidance=7.5),
}
TYPES = list(DEFAULTS)

keys = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True).filter(lambda key: key != "none")
seats = st.lists(keys, max_size=4, unique=True).map(tuple)
ids = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)


def texts(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=longest).map(one_line)


def test_a_text_has_no_character_that_turns_the_page_round():
    turned = "\u202ea\u2066 chef\u2069\ufeff wi\u200bth\u200e a \u061cknife\u200f"
    assert one_line(turned) == "a chef with a knife"
    assert one_line("\U0001f469\u200d\U0001f373") == "\U0001f469\u200d\U0001f373"  # what joins an emoji stays


def hundredths(low: int, high: float) -> st.SearchStrategy[float]:
    return st.integers(low, round(100 * high)).map(lambda n: n / 100)


searches = {
    "search": st.sampled_from(["images", "captions"]),
    "k": st.integers(1, MAX_K),
    "towers": st.sampled_from(["both", "text", "image"]),
    "seats": seats,
}
prompts = {
    "prompt": texts(MAX_PROMPT).filter(bool),
    "negative": texts(MAX_PROMPT),
    "seats": seats,
    "seed": st.integers(0, LAST_SEED),
    "steps": st.integers(1, MAX_STEPS),
    "guidance": hundredths(100, MAX_GUIDANCE),
}
questions = {
    "item": ids,
    "question": texts(60).filter(bool),
    "seats": seats,
    "max_new_tokens": st.integers(1, MAX_NEW_TOKENS),
}
requests = st.one_of(
    st.builds(RetrievalRequest, text=texts(MAX_CHARACTERS).filter(bool), **searches),
    st.builds(RetrievalRequest, item=ids, **searches),
    st.builds(CaptioningRequest, **questions),
    st.builds(
        CaptioningRequest,
        temperature=hundredths(1, 2),
        top_p=hundredths(1, 1),
        seed=st.integers(0, 10**15 - 1),
        **questions,
    ),
    st.builds(GenerationRequest, pictures=st.integers(1, MAX_PICTURES), **prompts),
    st.builds(GenerationRequest, dial=keys, **prompts),
)
odd = st.sampled_from(["0", "9" * 16, "1e9", "nan", "inf", "-1", "²", "none", "1.5", "abc"])
names = st.sampled_from([field.link for each in TYPES for field in fields_of(each).values() if field.link])


def params(link: str) -> dict[str, str]:
    return dict(parse_qsl(link, keep_blank_values=True))


# --- links


@given(requests)
def test_a_link_restores_its_request_and_no_other_tasks(request_):
    address = params(request_.to_link())
    for each in TYPES:
        found = each.from_link(address, DEFAULTS[each])
        assert found == (request_ if each is type(request_) else None)


@given(st.dictionaries(names | st.just("__theme"), st.text() | odd))
def test_any_address_gives_a_valid_request_or_none(address):
    for each in TYPES:
        request = each.from_link(address, DEFAULTS[each])
        if request is not None:
            known = replace(request, seats=(), **({"dial": ""} if each is GenerationRequest else {}))
            assert known.checked(DEFAULTS[each], SEATS) == known
            if each is CaptioningRequest and not request.temperature:  # a greedy link leaves out how to draw
                request = replace(request, top_p=DEFAULTS[each].top_p, seed=DEFAULTS[each].seed)
            assert each.from_link(params(request.to_link()), DEFAULTS[each]) == request


@pytest.mark.parametrize("each", TYPES)
def test_an_invalid_option_falls_back_in_every_task(each):
    subject = next(field.link for field in fields_of(each).values() if field.subject and field.link)
    fields = {name: field for name, field in fields_of(each).items() if field.link and not field.subject}
    numbers = [field.link for field in fields.values() if hasattr(field, "low")]
    request = each.from_link({subject: "a dog"} | dict.fromkeys(numbers, "abc"), DEFAULTS[each])
    assert [getattr(request, name) for name in fields] == [getattr(DEFAULTS[each], name) for name in fields]
    large = each.from_link({subject: "a dog"} | dict.fromkeys(numbers, "999"), DEFAULTS[each])
    assert all(getattr(large, name) <= field.high for name, field in fields.items() if hasattr(field, "high"))
    assert each.from_link({subject: "a dog", "seats": "none"}, DEFAULTS[each]).seats == ()


@pytest.mark.parametrize(
    "request_",
    [RetrievalRequest(), RetrievalRequest(upload="0" * 16), CaptioningRequest(upload="1" * 16, question="?")],
)
def test_there_is_no_link_to_what_no_address_can_carry(request_):
    assert request_.to_link() == ""


# --- values of controls and programs

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["safe", "original"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("each", TYPES)
@given(st.data())
def test_values_of_any_type_are_a_request_or_a_short_sentence(each, data):
    values = {name: data.draw(anything, label=name) for name in fields_of(each)}
    try:
        request = each(**values).checked(DEFAULTS[each], SEATS)
    except QueryError as error:
        assert len(str(error)) < 300 and str(error).endswith(".")
        return
    assert hash(request) == hash(replace(request)) and request.checked(DEFAULTS[each], SEATS) == request
    assert set(request.seats) <= {"safe", "ours"}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (RetrievalRequest(), "Nothing is asked yet. Type a few words"),
        (RetrievalRequest(text="a", item="b"), "one thing at a time"),
        (RetrievalRequest(text="a", k=0), f"number of results must be a whole number from 1 to {MAX_K}, not 0"),
        (RetrievalRequest(text="a", k="abc"), f"from 1 to {MAX_K}, not 'abc'"),
        (RetrievalRequest(text="a", search="videos"), "'videos', which is not possible. Choose images or captions"),
        (RetrievalRequest(text="a", towers="none"), "Choose both, text or image"),
        (
            RetrievalRequest(text="a", seats=("nobody",)),
            "no seat “nobody” in this profile. Its seats are original, safe",
        ),
        (RetrievalRequest(text="a" * (MAX_CHARACTERS + 1)), f"1001 characters; shorten it to {MAX_CHARACTERS}"),
        (RetrievalRequest(item=7), "must be an id of the gallery, not 7"),
        (CaptioningRequest(), "There is no picture yet. Pick one from the gallery"),
        (CaptioningRequest(item="0" * 16, upload="1" * 16), "one picture at a time"),
        (CaptioningRequest(item="0" * 16, seats=("nobody",)), "no seat “nobody”"),
        (CaptioningRequest(item="0" * 16, question="x" * (MAX_QUESTION + 1)), f"shorten it to {MAX_QUESTION}"),
        (CaptioningRequest(item="0" * 16, max_new_tokens=0), f"from 1 to {MAX_NEW_TOKENS}, not 0"),
        (CaptioningRequest(item="0" * 16, temperature=3), "temperature must be a number from 0 to 2, not 3"),
        (GenerationRequest(" \n "), "There is no prompt yet"),
        (GenerationRequest(["a dog"]), "prompt must be text, not ['a dog']"),
        (GenerationRequest("a", negative=3), "negative prompt must be text"),
        (GenerationRequest("a", seats="safe"), "seats must be a list of keys, not 'safe'"),
        (GenerationRequest("a", seats=([],)), "no seat “[]”"),
        (GenerationRequest("a", dial="nobody"), "no seat “nobody”"),
        (GenerationRequest("a", dial="original"), "“original”, the reference itself. Choose another seat"),
        (GenerationRequest("a", seed=math.nan), "seed must be a whole number"),
        (GenerationRequest("a", seed=1.5), "whole number"),
        (GenerationRequest("a", seed=2**53), "seed must be"),
        (GenerationRequest("a", seed=True), "not True"),
        (GenerationRequest("a", seed=[0] * 100_000), "seed must be"),
        (GenerationRequest("a", steps=10**400), "number of steps must be"),
        (GenerationRequest("a", steps=10**5000), "thousands of digits"),
        (GenerationRequest("a", guidance=math.inf), "guidance must be"),
        (GenerationRequest("a", pictures=0), f"pictures must be a whole number from 1 to {MAX_PICTURES}"),
    ],
)
def test_an_error_says_the_value_what_is_allowed_and_what_to_do(request_, said):
    with pytest.raises(QueryError) as error:
        request_.checked(DEFAULTS[type(request_)], SEATS)
    assert said in str(error.value)


def test_a_checked_request_is_what_the_library_takes():
    raw = GenerationRequest(
        " a\tdog\x00\ud800 ", None, ["ours", "original", "safe", "ours"], 7.0, None, None, 2.0, None
    )
    expected = GenerationRequest("a dog ?", "", ("safe", "ours"), 7, 20, 7.5, 2, "")
    assert raw.checked(DEFAULTS[GenerationRequest], SEATS) == expected
    on_dial = replace(expected, dial="safe").checked(DEFAULTS[GenerationRequest], SEATS)
    assert on_dial.pictures == 1  # a dial has one image a position
    blank = CaptioningRequest(item="0" * 16, question="  ")
    assert blank.checked(DEFAULTS[CaptioningRequest], SEATS).question == "Describe the picture."


def test_json_names_are_those_of_the_api_and_unknown_ones_are_errors():
    request = GenerationRequest("a dog", "a cat", ("safe",), 3, 4, 5.5, 2)
    assert request.to_json() == {
        "prompt": "a dog",
        "negative_prompt": "a cat",
        "seats": ["safe"],
        "seed": 3,
        "steps": 4,
        "guidance": 5.5,
        "pictures": 2,
        "dial": "",
    }
    read = GenerationRequest.from_json(request.to_json())
    assert read.checked(DEFAULTS[GenerationRequest], SEATS) == request
    with pytest.raises(QueryError, match="no option “paint”. The options are prompt, negative_prompt"):
        GenerationRequest.from_json({"paint": "a dog"})


def test_a_declaration_of_ones_own_needs_no_other_code():
    @dataclass(frozen=True)
    class Count(Request):
        text: str = declare(Text(label="text", link="t", subject=True, longest=10), "")
        times: int = declare(Whole(label="number of times", link="n", low=1, high=9), 2)

    request = Count("a  b", 3).checked(Count(), SEATS)
    assert request == Count("a b", 3) and request.to_link() == "t=a+b&n=3"
    assert Count.from_link({"t": "x" * 30, "n": "99"}, Count()) == Count("x" * 10, 9)
    assert {request: 1}[Count("a b", 3)] == 1


def test_a_log_keeps_options_and_no_words_of_a_visitor(caplog):
    with caplog.at_level(logging.ERROR):
        try:
            raise ValueError("my secret words")
        except ValueError as error:
            log_failure("retrieval", RetrievalRequest(text="my secret words", k=5), error)
    assert "ValueError" in caplog.text and "'k': 5" in caplog.text and "test_request_codec" in caplog.text
    assert "secret" not in caplog.text.replace('raise ValueError("my secret words")', "")
