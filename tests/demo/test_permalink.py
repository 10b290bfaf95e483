"""An address says everything that the answer depends on."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.permalink import from_query, to_query
from demo.query import MAX_CHARACTERS, MAX_K, Ask

DEFAULT = Ask(seats=("safe",))

keys = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True).filter(lambda key: key != "none")
options = {
    "search": st.sampled_from(["images", "captions"]),
    "k": st.integers(1, MAX_K),
    "towers": st.sampled_from(["both", "text", "image"]),
    "seats": st.lists(keys, max_size=4, unique=True).map(tuple),
}
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=MAX_CHARACTERS).map(str.strip).filter(bool)
asks = st.builds(Ask, text=texts, **options) | st.builds(
    Ask, item=st.from_regex(r"[0-9a-f]{16}", fullmatch=True), **options
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
    assert ask == Ask(text="a dog", seats=("safe",))
    assert from_query({"q": "a dog", "k": "999"}, DEFAULT).k == MAX_K


@pytest.mark.parametrize("ask", [Ask(), Ask(upload="0" * 16)])
def test_no_link_to_what_no_address_can_carry(ask):
    assert to_query(ask) == ""
