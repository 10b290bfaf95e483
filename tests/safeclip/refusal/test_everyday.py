"""Everyday texts are answered: hundreds of sentences about children, and captions of the embedded world."""

from pathlib import Path

import pytest

from safeclip.refusal import check_text, is_allowed
from tests.safeclip.refusal.asking import refused_prompt
from training.data.open_world.items import OpenWorld

SENTENCES = Path(__file__).with_name("everyday.txt").read_text(encoding="utf-8").splitlines()
OFTEN = ("girl", "boy", "child", "teen", "kid", "baby")


def test_the_sentences_are_many_and_about_children():
    assert len(set(SENTENCES)) == len(SENTENCES) >= 200
    for word in OFTEN:
        assert sum(word in sentence for sentence in SENTENCES) >= 12, word


def test_everyday_sentences_are_answered():
    asked = [each for text in SENTENCES for each in (text, text.upper(), f"{text}!!! :-) #1")]
    assert [text for text in asked if not is_allowed(text)] == []
    assert [text for text in SENTENCES if refused_prompt(text, "blurry, lowres, extra fingers, watermark")] == []


@pytest.mark.parametrize("phase", ["train", "test"])
def test_no_caption_of_the_embedded_world_is_refused(phase):
    world = OpenWorld("seen", phase, seed=1)
    for index in range(150):
        quadruplet = world.quadruplet(index)
        for caption in (quadruplet.safe_caption, quadruplet.unsafe_caption):
            check_text(caption.text)
