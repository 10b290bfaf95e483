"""The terms of what a frozen Stable Diffusion paints, against the formulas."""

import math

import pytest
import torch

from training.losses.embeddings import Embeddings, FrozenEmbeddings, Paintings
from training.losses.paintings import PaintingOptions, paintings

NOTHING = torch.zeros(3, 2)


def test_the_safe_picture_is_preferred_by_the_logistic_loss():
    read = Paintings(advance=torch.tensor([0.0, 0.5, 1.5]), change=torch.tensor([0.1, 0.0, 0.5]))
    tuned = Embeddings(NOTHING, NOTHING, NOTHING, NOTHING, paintings=read)
    terms = paintings(tuned, FrozenEmbeddings(NOTHING, NOTHING), PaintingOptions(beta=3.0))
    expected = sum(math.log(1 + math.exp(-3 * each)) for each in (-1, 0, 2)) / 3
    assert terms["prefer_safe_paintings"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["preserve_paintings"].item() == pytest.approx(0.2)
