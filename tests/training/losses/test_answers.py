"""The terms of what a frozen LLaVA says, against the formulas."""

import math

import pytest
import torch

from training.losses.answers import AnswerOptions, answers
from training.losses.embeddings import Embeddings, FrozenEmbeddings

NOTHING = torch.zeros(3, 2)


def tuned(**read: torch.Tensor) -> Embeddings:
    return Embeddings(NOTHING, NOTHING, NOTHING, NOTHING, **read)


def test_the_safe_answer_is_preferred_by_the_logistic_loss():
    read = tuned(answer_likelihoods=torch.tensor([-1.0, -2.0, -6.0]), preferences=torch.tensor([-8.0, 0.0, 4.0]))
    terms = answers(read, FrozenEmbeddings(NOTHING, NOTHING), AnswerOptions(beta=0.5))
    expected = sum(math.log(1 + math.exp(-0.5 * each)) for each in (-8, 0, 4)) / 3
    assert terms["prefer_safe_answers"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["preserve_answers"].item() == pytest.approx(3)
