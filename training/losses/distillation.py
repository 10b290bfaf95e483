"""Distils a sentence encoder into a text tower: each embedding, and how the texts of a batch lie to one another."""

import torch

from .contrastive import cosine_distance

TEMPERATURE = 0.05


def distillation(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float = TEMPERATURE
) -> dict[str, torch.Tensor]:
    """The two terms of distillation, each a scalar, unweighted.

    `cosine` is 1 − cos(student, teacher), averaged. `relation` is KL(teacher ‖ student), averaged over rows,
    between softmaxes of each text's similarities to the *other* texts of the batch: with itself among them a text's
    row would be all but one-hot.

    student, teacher: float32 (n, d), L2-normalised, n ≥ 2.
    """
    own = torch.eye(len(student), dtype=torch.bool, device=student.device)
    rows = [
        (embeddings @ embeddings.T / temperature).masked_fill(own, float("-inf")).log_softmax(-1)
        for embeddings in (student, teacher)
    ]  # (n, n) each, −inf on the diagonal
    from_student, from_teacher = (row.masked_fill(own, 0.0) for row in rows)
    divergence = (from_teacher.exp().masked_fill(own, 0.0) * (from_teacher - from_student)).sum(-1)
    return {"cosine": cosine_distance(student, teacher), "relation": divergence.mean()}
