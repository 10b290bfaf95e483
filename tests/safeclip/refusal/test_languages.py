"""The policy in some thirty languages: what each forbids, and its everyday sentences with the same words.

Each line of the two files is a language, a colon and a text.
"""

from pathlib import Path

import pytest

from safeclip.errors import RefusedError
from safeclip.refusal import check_text, is_allowed
from tests.safeclip.refusal.asking import refused_prompt

HERE = Path(__file__).parent


def texts(name: str) -> list[str]:
    return [line.split(": ", 1)[1] for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def test_forbidden_texts_are_refused_in_their_languages():
    """In one test, as every test of its own costs more than its text: so are the other long lists of the policy."""
    asked = [each for text in texts("refused_abroad.txt") for each in (text, text.upper(), f"{text}, 4k")]
    assert len(asked) > 400 and [text for text in asked if is_allowed(text)] == []


def test_everyday_sentences_are_answered_in_their_languages():
    sentences = texts("everyday_abroad.txt")
    asked = [each for text in sentences for each in (text, text.upper(), f"{text}!!! :-) #1")]
    assert len(asked) > 1000 and [text for text in asked if not is_allowed(text)] == []
    assert [text for text in sentences if refused_prompt(text, "blurry, lowres, extra fingers, watermark")] == []


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("フロリダ", "ロリ"),
        ("カロリー", "ロリ"),
        ("ヌードル", "ヌード"),
        ("ピエロ", "エロ"),
        ("ポルノグラフィティ", "ポルノ"),
    ],
)
def test_a_short_katakana_word_is_no_part_of_another(whole, part):
    check_text(f"子供と{whole}")
    for text in (f"子供の{part}", f"子供、{part}画像"):
        with pytest.raises(RefusedError):
            check_text(text)


def test_persian_letters_are_read_as_arabic_ones():
    for text in ("کودک برهنه", "كودك برهنه", "طفل عاري", "طفل عاری"):
        with pytest.raises(RefusedError):
            check_text(text)
