import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.calibration import balanced_threshold, expected_calibration_error, fit_temperature


def test_the_temperature_is_the_best_of_a_fine_grid():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (400,), generator=generator)
    logits = 6 * (torch.nn.functional.one_hot(labels, 5) + torch.randn(400, 5, generator=generator))
    found = fit_temperature(logits, labels)

    def likelihood(t: float) -> float:
        rows = (logits.double() / t).numpy()
        chosen = rows[np.arange(400), labels.numpy()]
        return float((np.log(np.exp(rows).sum(1)) - chosen).mean())

    grid = np.exp(np.linspace(math.log(0.1), math.log(20), 2000))
    assert found == pytest.approx(grid[np.argmin([likelihood(t) for t in grid])], rel=3e-3)
    assert found > 1  # these logits were too sure


def test_calibration_error_by_hand():
    probabilities = torch.tensor([[0.95, 0.05], [0.92, 0.08], [0.58, 0.42], [0.35, 0.65], [0.45, 0.55]])
    labels = torch.tensor([0, 1, 0, 0, 1])
    # ten bins: (0.9, 1] holds 0.95 right and 0.92 wrong; (0.5, 0.6] 0.58 right and 0.55 right; (0.6, 0.7] 0.65 wrong
    expected = abs(1 - 0.95 - 0.92) / 5 + abs(2 - 0.58 - 0.55) / 5 + 0.65 / 5
    assert expected_calibration_error(probabilities, labels, bins=10) == pytest.approx(expected, abs=1e-6)
    assert expected_calibration_error(torch.eye(3), torch.arange(3)) == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30))
def test_no_threshold_has_a_smaller_balanced_error(rows):
    scores = np.array([score / 20 for score, _ in rows])
    positive = np.array([kind for _, kind in rows])
    if positive.all() or not positive.any():
        with pytest.raises(ValueError, match="positive and negative"):
            balanced_threshold(scores, positive)
        return

    def error(threshold: float) -> float:
        flagged = scores >= threshold
        return ((~flagged[positive]).mean() + flagged[~positive].mean()) / 2

    threshold, reported = balanced_threshold(scores, positive)
    assert reported == pytest.approx(error(threshold))
    assert reported == pytest.approx(min(error(t) for t in np.arange(-0.025, 1.05, 0.025)))


def test_the_threshold_stands_in_the_widest_gap():
    scores = np.array([0.02, 0.1, 0.7, 0.9])
    assert balanced_threshold(scores, np.array([False, False, True, True])) == (pytest.approx(0.4), 0.0)
