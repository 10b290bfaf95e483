"""Answers of a LLaVA about the pictures of a collection: row by row, and asked once."""

from dataclasses import dataclass

import pytest
import torch
from PIL import Image

from safeclip.encoders import Encoder
from training.data.quadruplets import answers as module
from training.data.quadruplets.answers import Answers, frozen_answers
from training.data.quadruplets.schema import QuadrupletItem
from training.readers.llava import IGNORED, FrozenLlava

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
        return COLOURS[index], self.picture(index)

    def item(self, index: int) -> QuadrupletItem:
        self.asked += 1
        return QuadrupletItem("", "", self.picture(index), self.picture(len(COLOURS) - 1 - index), "")

    def picture(self, index: int) -> Image.Image:
        return Image.new("RGB", (32, 32), COLOURS[index])


@pytest.fixture
def llava(tiny_llava) -> FrozenLlava:
    return FrozenLlava(str(tiny_llava), "Describe the picture.", torch.device("cpu"))


def test_each_row_is_what_is_said_of_its_picture_alone(llava, tiny_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)  # batches whose longest answers differ
    encoder, source = Encoder.from_pretrained(tiny_clip, device="cpu"), Colours()
    found = frozen_answers(llava, encoder, source, tmp_path, workers=0)
    for side, rows in ((found.safe, range(5)), (found.unsafe, range(4, -1, -1))):
        for row, said in zip(rows, side.tolist(), strict=True):
            (alone,) = llava.answers(encoder.pixels([source.picture(row)])).tolist()
            assert said == alone + [IGNORED] * (side.shape[1] - len(alone))


def test_a_collection_is_asked_about_once(llava, tiny_clip, tmp_path):
    encoder, source = Encoder.from_pretrained(tiny_clip, device="cpu"), Colours()
    first = frozen_answers(llava, encoder, source, tmp_path, workers=0)
    assert source.asked == 2 * len(source)
    again = frozen_answers(llava, encoder, source, tmp_path, workers=0)
    assert again.safe.equal(first.safe) and again.unsafe.equal(first.unsafe) and source.asked == 2 * len(source)
    source.fingerprint = "others"
    frozen_answers(llava, encoder, source, tmp_path, workers=0)
    assert source.asked == 4 * len(source)


def test_rows_are_as_short_as_the_longest_of_them():
    safe = torch.tensor([[1, 2, 3], [4, IGNORED, IGNORED], [5, 6, IGNORED]])
    rows = Answers(safe, safe.flip(0)).rows(torch.tensor([1, 2]))
    assert rows.safe.tolist() == [[4, IGNORED], [5, 6]]
    assert rows.unsafe.tolist() == [[4, IGNORED, IGNORED], [1, 2, 3]]
