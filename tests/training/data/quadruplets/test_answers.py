"""Answers of a LLaVA about the safe pictures of a collection: row by row, and asked once."""

from dataclasses import dataclass

import pytest
import torch
from PIL import Image

from safeclip.encoders import Encoder
from training.data.quadruplets import answers as module
from training.data.quadruplets.answers import safe_answers
from training.models.frozen_llava import IGNORED, FrozenLlava

COLOURS = ("red", "navy", "white", "green", "black")


@dataclass
class Colours:
    """A picture of one colour in each row; it counts how many are asked for."""

    fingerprint: str = "colours"
    block: int = 1
    asked: int = 0

    def __len__(self) -> int:
        return len(COLOURS)

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        self.asked += 1
        return COLOURS[index], Image.new("RGB", (32, 32), COLOURS[index])


@pytest.fixture
def llava(tiny_llava) -> FrozenLlava:
    return FrozenLlava(str(tiny_llava), "Describe the picture.", torch.device("cpu"))


def test_each_row_is_what_is_said_of_its_picture_alone(llava, tiny_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)  # batches whose longest answers differ
    encoder, source = Encoder.from_pretrained(tiny_clip, device="cpu"), Colours()
    found = safe_answers(llava, encoder, source, tmp_path, workers=0)
    for row, said in enumerate(found.tolist()):
        (alone,) = llava.answers(encoder.pixels([source.safe_pair(row)[1]])).tolist()
        assert said == alone + [IGNORED] * (found.shape[1] - len(alone))


def test_a_collection_is_asked_about_once(llava, tiny_clip, tmp_path):
    encoder, source = Encoder.from_pretrained(tiny_clip, device="cpu"), Colours()
    first = safe_answers(llava, encoder, source, tmp_path, workers=0)
    assert source.asked == len(source)
    assert safe_answers(llava, encoder, source, tmp_path, workers=0).equal(first) and source.asked == len(source)
    source.fingerprint = "others"
    safe_answers(llava, encoder, source, tmp_path, workers=0)
    assert source.asked == 2 * len(source)
