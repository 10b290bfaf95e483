"""The contrastive loss of CLIP, and the cosine distance beside it."""

import torch
import torch.nn.functional as F


def contrastive_loss(queries: torch.Tensor, targets: torch.Tensor, logit_scale: float | torch.Tensor) -> torch.Tensor:
    """CLIP's symmetric InfoNCE (Radford et al., 2021, figure 3). Row i of both (n, d), L2-normalised, is a pair."""
    return symmetric_cross_entropy(logit_scale * queries @ targets.T)


def symmetric_cross_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Mean of the cross-entropies over rows and over columns of logits (n, n), whose diagonal holds the pairs."""
    pairs = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def cosine_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean of 1 − cos over rows of (n, d)."""
    return (1 - F.cosine_similarity(a, b, dim=-1)).mean()
