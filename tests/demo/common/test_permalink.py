"""An address says everything that the answer depends on."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.captioning.request import CaptioningRequest
from demo.common.permalink import caption_from_query, from_query, generation_from_query, generation_query, to_query
from demo.generation.request import LAST_SEED, GenerationRequest, one_line
from demo.retrieval.request import MAX_CHARACTERS, MAX_K, RetrievalRequest
from safeclip.generation.settings import MAX_PICTURES, MAX_PROMPT
from safeclip.profiles import MAX_GUIDANCE, MAX_STEPS

DEFAULT = RetrievalRequest(seats=("safe",))
PAINT = GenerationRequest(seats=("safe",), steps=20, guidance=7.5)

keys = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True).filter(lambda key: key != "none")
options = {
    "search": st.sampled_from(["images", "captions"]),
    "k": st.integers(1, MAX_K),
    "towers": st.sampled_from(["both", "text", "image"]),
    "seats": st.lists(keys, max_size=4, unique=True).map(tuple),
}
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=MAX_CHARACTERS).map(str.strip).filter(bool)
asks = st.builds(RetrievalRequest, text=texts, **options) | st.builds(
    RetrievalRequest, item=st.from_regex(r"[0-9a-f]{16}", fullmatch=True), **options
)

prompts = st.text(st.characters(codec="utf-8"), max_size=MAX_PROMPT).map(one_line)
painted = {
    "prompt": prompts.filter(bool),
    "negative": prompts,
    "seats": options["seats"],
    "seed": st.integers(0, LAST_SEED),
    "steps": st.integers(1, MAX_STEPS),
    "guidance": st.integers(100, 100 * int(MAX_GUIDANCE)).map(lambda n: n / 100),
}
paintings = st.builds(GenerationRequest, pictures=st.integers(1, MAX_PICTURES), **painted) | st.builds(
    GenerationRequest, dial=keys, **painted
)


def params(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


@given(asks)
def test_round_trip(ask):
    assert from_query(params(to_query(ask)), DEFAULT) == ask


@given(st.dictionaries(st.sampled_from(["q", "item", "k", "search", "towers", "seats", "__theme"]), st.text()))
def test_any_address_is_read(address):
    ask = from_query(address, DEFAULT)
    if ask is not None:
        assert not ask.empty
        assert 1 <= ask.k <= MAX_K
        assert ask.search in ("images", "captions")
        assert ask.towers in ("both", "text", "image")


def test_an_address_without_a_query_asks_nothing():
    assert from_query({}, DEFAULT) is None
    assert from_query({"q": "  ", "k": "4"}, DEFAULT) is None


def test_what_makes_no_sense_falls_back():
    ask = from_query({"q": "a dog", "k": "many", "search": "videos", "towers": "eiffel"}, DEFAULT)
    assert ask == RetrievalRequest(text="a dog", seats=("safe",))
    assert from_query({"q": "a dog", "k": "999"}, DEFAULT).k == MAX_K


@pytest.mark.parametrize("ask", [RetrievalRequest(), RetrievalRequest(upload="0" * 16)])
def test_no_link_to_what_no_address_can_carry(ask):
    assert to_query(ask) == ""


# --- a prompt to be painted


@given(paintings)
def test_a_painting_round_trips(ask):
    address = params(generation_query(ask))
    assert generation_from_query(address, PAINT) == ask
    assert from_query(address, DEFAULT) is None and caption_from_query(address, CaptioningRequest()) is None


@given(
    st.dictionaries(
        st.sampled_from(["paint", "without", "seats", "seed", "steps", "guidance", "n", "dial"]),
        st.text() | st.sampled_from(["0", "9" * 16, "1e9", "nan", "inf", "-1", "²", "none", "1.5"]),
    )
)
def test_any_address_of_a_painting_is_read(address):
    ask = generation_from_query(address, PAINT)
    if ask is not None:
        assert not ask.empty and len(ask.prompt) <= MAX_PROMPT and len(ask.negative) <= MAX_PROMPT
        assert 1 <= ask.steps <= MAX_STEPS and 1 <= ask.guidance <= MAX_GUIDANCE
        assert 0 <= ask.seed <= LAST_SEED and 1 <= ask.pictures <= MAX_PICTURES
        assert generation_from_query(params(generation_query(ask)), PAINT) == ask


def test_an_address_without_a_prompt_paints_nothing():
    assert generation_from_query({"q": "a dog", "picture": "0" * 16, "n": "2"}, PAINT) is None
    assert generation_from_query({"paint": " \x00 "}, PAINT) is None
    assert generation_query(GenerationRequest()) == "" == generation_query(GenerationRequest(prompt="  "))


def test_options_of_a_painting_that_make_no_sense_fall_back():
    address = {"paint": "a dog", "seed": "many", "steps": "-3", "guidance": "nan", "n": "none"}
    assert generation_from_query(address, PAINT) == GenerationRequest("a dog", seats=("safe",), steps=20, guidance=7.5)
    address = {"paint": "a dog", "steps": "999", "guidance": "99", "n": "99", "seats": "none"}
    far = GenerationRequest("a dog", steps=MAX_STEPS, guidance=MAX_GUIDANCE, pictures=MAX_PICTURES)
    assert generation_from_query(address, PAINT) == far


def test_names_of_a_painting_stay():
    ask = GenerationRequest("a dog", "a cat", ("safe", "ours"), 7, 20, 7.5, 2)
    address = "paint=a+dog&without=a+cat&seats=safe%2Cours&seed=7&steps=20&guidance=7.5&n=2"
    assert generation_query(ask) == address
    assert generation_query(GenerationRequest("a dog", dial="safe")) == (
        "paint=a+dog&seats=none&seed=0&steps=30&guidance=4.5&dial=safe"
    )
