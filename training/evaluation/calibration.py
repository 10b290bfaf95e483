"""Calibration of a classifier: temperature scaling, the calibration error, and a balanced threshold."""

import math

import numpy as np
import torch
import torch.nn.functional as F

_GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor, low: float = 0.05, high: float = 20.0) -> float:
    """The T in [low, high] at which softmax(logits / T) has the least negative log-likelihood.

    logits (n, classes) float, labels int64 (n,). Guo et al., 2017. The likelihood has one minimum in log T, which a
    golden-section search closes in on.
    """
    logits = logits.double()

    def loss(log_t: float) -> float:
        return F.cross_entropy(logits / math.exp(log_t), labels).item()

    a, b = math.log(low), math.log(high)
    while b - a > 1e-6:
        c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        a, b = (a, d) if loss(c) < loss(d) else (c, b)
    return math.exp((a + b) / 2)


def expected_calibration_error(probabilities: torch.Tensor, labels: torch.Tensor, bins: int = 15) -> float:
    """Σ over bins of share · |accuracy − mean confidence|, in 0 … 1 (Guo et al., 2017, eq. 3).

    probabilities float (n, classes), labels int64 (n,). Bins are equally wide, closed above.
    """
    confidence, guesses = probabilities.double().max(dim=-1)
    correct = (guesses == labels).double()
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, which, correct - confidence)
    return gaps.abs().sum().item() / len(labels)


def balanced_threshold(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """The threshold with the least mean of miss rate and false-alarm rate, and that mean.

    scores float (n,), positive bool (n,): a score from the threshold upwards counts as positive. Of equally good
    thresholds the middle of the widest gap between scores is taken. Raises ValueError unless both kinds occur.
    """
    if positive.all() or not positive.any():
        raise ValueError("a threshold needs positive and negative examples")
    order = np.argsort(scores, kind="stable")
    ranked, kinds = scores[order], positive[order]
    misses = np.concatenate(([0], np.cumsum(kinds))) / kinds.sum()  # with i scores below the threshold
    alarms = 1 - np.concatenate(([0], np.cumsum(~kinds))) / (~kinds).sum()
    error = (misses + alarms) / 2
    edges = np.concatenate(([min(0.0, ranked[0])], ranked, [max(1.0, ranked[-1])]))
    gaps = np.diff(edges)
    gaps[1:-1][gaps[1:-1] <= 0] = -1.0  # no threshold lies between equal scores
    candidates = np.flatnonzero((error <= error[gaps >= 0].min() + 1e-12) & (gaps >= 0))
    best = candidates[gaps[candidates].argmax()]
    return float((edges[best] + edges[best + 1]) / 2), float(error[best])
