import pytest
import torch
from torch.nn import functional as F

from training.losses.distillation import distillation


def unit(n: int, d: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def naive_relation(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> float:
    """One row after another, with the text itself left out of its row."""
    total = 0.0
    for i in range(len(student)):
        others = [j for j in range(len(student)) if j != i]
        p, q = (torch.softmax(e[others] @ e[i] / temperature, 0) for e in (teacher, student))
        total += (p * (p / q).log()).sum().item()
    return total / len(student)


def test_the_terms_are_those_of_a_naive_loop():
    student, teacher = unit(7, 5, 0), unit(7, 5, 1)
    losses = distillation(student, teacher, temperature=0.3)
    assert losses["relation"].item() == pytest.approx(naive_relation(student, teacher, 0.3), rel=1e-4)
    cosines = [1 - (s @ t).item() for s, t in zip(student, teacher, strict=True)]
    assert losses["cosine"].item() == pytest.approx(sum(cosines) / 7, rel=1e-5)


def test_a_rotated_teacher_has_the_same_relations_but_other_embeddings():
    teacher = unit(6, 4, 2)
    rotation, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(3)))
    losses = distillation(teacher @ rotation, teacher)
    assert losses["relation"].item() == pytest.approx(0, abs=1e-4)
    assert losses["cosine"].item() > 0.1
    assert distillation(teacher, teacher)["cosine"].item() == pytest.approx(0, abs=1e-6)


def test_gradients_are_finite_where_rows_are_far_apart():
    student = unit(5, 3, 4).requires_grad_()
    sum(distillation(student, unit(5, 3, 5), temperature=0.01).values()).backward()
    assert student.grad.isfinite().all() and student.grad.abs().sum() > 0
