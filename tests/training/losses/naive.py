"""Formulas written out one pair after another, as oracles of the losses."""

import math

import torch


def unit(n: int, d: int, seed: int) -> torch.Tensor:
    """Random L2-normalised rows, float64 (n, d)."""
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rows / rows.norm(dim=1, keepdim=True)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def log_share(scores: list[float], target: int) -> float:
    """The logarithm of the target's softmax."""
    return scores[target] - math.log(sum(math.exp(score) for score in scores))


def nce(queries: torch.Tensor, targets: torch.Tensor, scale: float = 100) -> float:
    n = len(queries)
    there = [log_share([scale * dot(query, target) for target in targets], i) for i, query in enumerate(queries)]
    back = [log_share([scale * dot(query, target) for query in queries], i) for i, target in enumerate(targets)]
    return -(sum(there) / n + sum(back) / n) / 2


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    """The cosine of two vectors."""
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def cosine_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(1 - cosine(x, y) for x, y in zip(a, b, strict=True)) / len(a)
