"""Everyday texts are answered: hundreds of sentences about children, and every caption of the embedded world."""

from pathlib import Path

import pytest

from safeclip.refusal import check_prompt, check_text
from training.data.emoji.paintings import Paintings

SENTENCES = Path(__file__).with_name("everyday.txt").read_text(encoding="utf-8").splitlines()
OFTEN = ("girl", "boy", "child", "teen", "kid", "baby")


def test_the_sentences_are_many_and_about_children():
    assert len(set(SENTENCES)) == len(SENTENCES) >= 200
    for word in OFTEN:
        assert sum(word in sentence for sentence in SENTENCES) >= 12, word


@pytest.mark.parametrize("sentence", SENTENCES)
def test_an_everyday_sentence_is_answered(sentence):
    check_text(sentence)
    check_text(sentence.upper())
    check_text(f"{sentence}!!! :-) #1")
    check_prompt(sentence, "blurry, lowres, extra fingers, watermark")


def test_no_caption_of_the_embedded_world_is_refused():
    for split in ("train", "test"):
        paintings = Paintings(split, seed=1)
        for index in range(1000):
            for caption in paintings.painting(index, captions=2).captions:
                check_text(caption)
