"""Classifiers of the baselines, trained on the training split: of n-grams, and heads on the original's embeddings."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

_WORD = re.compile(r"[\w'-]+")
LEAST_SEEN = 2  # an n-gram that fewer texts have is left out
HIDDEN = 256  # units of a head
EPOCHS = 20
BATCH = 512


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def ngrams(words: Sequence[str], longest: int) -> set[str]:
    """The words, and from `longest` 2 on the pairs of neighbours."""
    return {*words, *(" ".join(pair) for pair in pairwise(words) if longest > 1)}


class NgramClassifier:
    """Logistic regression on which n-grams a text has."""

    def __init__(self, weights: dict[str, float], bias: float, longest: int):
        self._weights, self._bias, self._longest = weights, bias, longest
        self.threshold = 0.5

    @classmethod
    def train(cls, texts: Sequence[str], unsafe: np.ndarray, longest: int, seed: int = 0) -> "NgramClassifier":
        """Trains on texts with their labels, bool (n,)."""
        found = [ngrams(words_of(text), longest) for text in texts]
        counts = Counter(gram for grams in found for gram in grams)
        known = {gram: row for row, gram in enumerate(sorted(g for g, n in counts.items() if n >= LEAST_SEEN))}
        rows = [[known[gram] for gram in grams if gram in known] for grams in found]
        torch.manual_seed(seed)
        weights, bias = nn.EmbeddingBag(len(known), 1, mode="sum"), nn.Parameter(torch.zeros(()))
        nn.init.zeros_(weights.weight)

        def logits(batch: np.ndarray) -> torch.Tensor:
            chosen = [rows[i] for i in batch]
            starts = np.cumsum([0, *(len(row) for row in chosen[:-1])])
            return weights(torch.tensor(sum(chosen, []), dtype=torch.long), torch.from_numpy(starts))[:, 0] + bias

        _fit([*weights.parameters(), bias], logits, unsafe, seed, learning_rate=0.05, decay=1e-4)
        learnt = weights.weight.detach()[:, 0].tolist()
        return cls(dict(zip(known, learnt, strict=True)), bias.item(), longest)

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of harm, float (n,)."""
        return np.array([self._score(words_of(text)) for text in texts])

    def rewrite(self, text: str, replace: Callable[[str], str]) -> str:
        """A text that is flagged goes through `replace`; what is still flagged loses its most suspicious words."""
        if self._score(words_of(text)) < self.threshold:
            return text
        words = words_of(replace(text))
        while len(words) > 1 and self._score(words) >= self.threshold:
            words = min((words[:i] + words[i + 1 :] for i in range(len(words))), key=self._score)
        return " ".join(words)

    def _score(self, words: Sequence[str]) -> float:
        logit = self._bias + sum(self._weights.get(gram, 0.0) for gram in ngrams(words, self._longest))
        return float(1 / (1 + np.exp(-logit)))


class HeadJudge:
    """A small head on frozen embeddings, as LAION's detectors are: 0 for harmless, 1 for harmful."""

    def __init__(self, head: nn.Module):
        self._head = head.eval().requires_grad_(False)
        self.threshold = 0.5

    @classmethod
    def train(cls, points: np.ndarray, unsafe: np.ndarray, seed: int = 0) -> "HeadJudge":
        """Trains on embeddings float32 (n, d) with their labels, bool (n,)."""
        torch.manual_seed(seed)
        head = nn.Sequential(nn.Linear(points.shape[1], HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 1))
        rows = torch.from_numpy(points)
        _fit(list(head.parameters()), lambda batch: head(rows[batch])[:, 0], unsafe, seed, 2e-3, decay=1e-2)
        return cls(head)

    def scores(self, points: np.ndarray) -> np.ndarray:
        """Probability of harm, float (n,)."""
        return torch.sigmoid(self._head(torch.from_numpy(np.ascontiguousarray(points)))[:, 0]).double().numpy()

    def flags(self, points: np.ndarray) -> np.ndarray:
        """Which embeddings score at the threshold or above, bool (n,)."""
        return self.scores(points) >= self.threshold


def _fit(
    parameters: list[nn.Parameter],
    logits: Callable[[np.ndarray], torch.Tensor],
    unsafe: np.ndarray,
    seed: int,
    learning_rate: float,
    decay: float,
) -> None:
    """Minimises the binary cross-entropy of `logits` of rows, in shuffled batches; both classes weigh the same."""
    optimizer = torch.optim.AdamW(parameters, learning_rate, weight_decay=decay)
    labels = torch.from_numpy(unsafe.astype(np.float32))
    weight = torch.tensor((len(unsafe) - unsafe.sum()) / max(1, unsafe.sum()), dtype=torch.float32)
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = rng.permutation(len(unsafe))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            loss = F.binary_cross_entropy_with_logits(logits(batch), labels[batch], pos_weight=weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def best_threshold(scores: np.ndarray, unsafe: np.ndarray, trials: int) -> float:
    """The best of `trials` thresholds by the mean of misses and false alarms; they lie at quantiles of the scores.

    scores float (n,), unsafe bool (n,): a score from the threshold upwards is flagged.
    """
    tried = np.quantile(scores, np.linspace(0, 1, trials + 2)[1:-1])
    errors = [((scores[unsafe] < t).mean() + (scores[~unsafe] >= t).mean()) / 2 for t in tried]
    return float(tried[int(np.argmin(errors))])
