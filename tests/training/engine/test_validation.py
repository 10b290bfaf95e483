"""Figures of model selection: a copy of a query's target in the gallery takes no part."""

import numpy as np
import pytest
import torch
from PIL import Image

from training.data.quadruplets.repeats import distinct_rows
from training.engine.validation import recalls
from training.losses.embeddings import Embeddings


class Pairs(list):
    """A source of safe texts, each with an image of one grey."""

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        text, grey = self[index]
        return text, Image.new("RGB", (2, 2), (grey, grey, grey))


def test_rows_whose_text_or_image_came_before_are_left_out():
    pairs = Pairs([("a", 1), ("b", 1), ("a", 2), ("c", 2), ("c", 3)])
    assert distinct_rows(pairs).tolist() == [True, False, False, True, False]


def test_copies_of_the_targets_do_not_hide_that_every_query_finds_its_own():
    rows = np.eye(4, dtype=np.float32)
    unsafe = -rows
    twice = [torch.from_numpy(np.repeat(each, 2, axis=0)) for each in (rows, unsafe, rows, unsafe)]
    embeddings = Embeddings(*twice)
    names = Pairs((f"caption {number}", number // 2) for number in range(8))
    assert recalls([(embeddings, embeddings)])["text_to_image"] == 0
    measured = recalls([(embeddings, embeddings)], distinct_rows(names))
    assert measured["text_to_image"] == measured["image_to_text"] == pytest.approx(100)
