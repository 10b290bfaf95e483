"""Letters, readings and swaps one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeclip.refusal.characters import fold, latin_letters
from safeclip.refusal.normalise import plain_words, readings, swapped, words_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Crème BRÛLÉE", "creme brulee"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("\U0001d41b\U0001d428\U0001d425\U0001d41d", "bold"),
        ("ⓒⓘⓡⓒⓛⓔ", "circle"),
        ("\U0001f170\U0001f171", "ab"),
        ("ze\u200bro\u00ad width\ufe0f", "zero width"),
        ("Straße", "strasse"),
        ("٣ ③ ３", "3 3 3"),
        ("Привет", "привет"),
    ],
)
def test_folding(text, folded):
    assert fold(text) == folded
    assert fold(folded) == folded


@pytest.mark.parametrize(
    ("char", "letters"),
    [("a", "a"), ("а", "a"), ("о", "o"), ("ο", "o"), ("ı", "i"), ("ø", "o"), ("ɴ", "n"), ("1", "il"), ("$", "s")],
)
def test_the_letters_that_a_character_may_stand_for(char, letters):
    assert latin_letters(char) == letters


@pytest.mark.parametrize("char", ["漢", "ж", ".", " ", "🎈"])
def test_a_character_like_no_letter_stands_for_none(char):
    assert latin_letters(char) == ""


def test_a_token_is_read_by_every_choice_of_its_letters():
    assert words_of("l1l") == {"l1l", "lil", "lll", "ll", "l"}
    assert words_of("1011") == {"1011"}, "a number stands for no word"
    assert words_of("sooo") == {"sooo", "soo", "so"}
    assert words_of("ребенок") >= {"ребенок"}


def test_a_token_with_too_many_choices_is_read_alike_everywhere():
    assert words_of("a" + "1" * 20) >= {"a" + "i" * 20, "a" + "l" * 20}
    assert len(words_of("a" + "1" * 500)) < 20


def test_a_text_is_divided_in_three_ways():
    tokens = {reading.tokens for reading in readings("a n.u.t on my-table!")}
    words = [[next(iter(token)) for token in each if len(token) == 1] for each in tokens]
    assert ["a", "n", "u", "t", "on", "my", "table"] in words and ["a", "nut", "on", "mytable"] in words
    assert any("nut" in run for reading in readings("n u t") for runs in reading.spelt for run in runs)
    assert not any(reading.spelt for reading in readings("a b cde f g"))


def test_plain_words_keep_digits():
    assert plain_words("a 14-year_old, (tree)!") == "a 14 year old tree"


@given(st.text("abcdef", min_size=2, max_size=8))
def test_swaps_keep_the_letters_and_lead_back(word):
    for other in swapped(word):
        assert sorted(other) == sorted(word) and other != word and word in swapped(other)
