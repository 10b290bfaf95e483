"""Figures of model selection: a copy of a query's target in the gallery takes no part."""

import numpy as np
import pytest
import torch

from training.engine.validation import distinct, recalls
from training.losses.embeddings import Embeddings


def test_rows_whose_text_or_image_came_before_are_left_out():
    pairs = [("a", "x"), ("b", "x"), ("a", "y"), ("c", "y"), ("c", "z")]
    assert distinct(pairs).tolist() == [True, False, False, True, False]


def test_copies_of_the_targets_do_not_hide_that_every_query_finds_its_own():
    rows = np.eye(4, dtype=np.float32)
    unsafe = -rows
    twice = [torch.from_numpy(np.repeat(each, 2, axis=0)) for each in (rows, unsafe, rows, unsafe)]
    embeddings = Embeddings(*twice)
    names = [(f"caption {number}", f"image {number // 2}") for number in range(8)]
    assert recalls([(embeddings, embeddings)])["text_to_image"] == 0
    measured = recalls([(embeddings, embeddings)], distinct(names))
    assert measured["text_to_image"] == measured["image_to_text"] == pytest.approx(100)
