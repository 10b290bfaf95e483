"""The policy in some thirty languages: what each forbids, and its everyday sentences with the same words.

Each line of the two files is a language, a colon and a text.
"""

from pathlib import Path

import pytest

from safeclip.errors import RefusedError
from safeclip.refusal import check_prompt, check_text

HERE = Path(__file__).parent


def texts(name: str) -> list[str]:
    return [line.split(": ", 1)[1] for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("text", texts("refused_abroad.txt"))
def test_a_forbidden_text_is_refused_in_its_language(text):
    for each in (text, text.upper(), f"{text}, 4k"):
        with pytest.raises(RefusedError):
            check_text(each)


@pytest.mark.parametrize("sentence", texts("everyday_abroad.txt"))
def test_an_everyday_sentence_is_answered_in_its_language(sentence):
    for each in (sentence, sentence.upper(), f"{sentence}!!! :-) #1"):
        check_text(each)
    check_prompt(sentence, "blurry, lowres, extra fingers, watermark")


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
