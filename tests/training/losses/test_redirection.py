"""The loss terms against an independent computation, written out from the paper's formulas pair by pair."""

import math
from dataclasses import asdict, fields

import pytest
import torch

from training.losses.redirection import Embeddings, TermWeights, mixed_gallery, objective_terms, weighted_sum
from training.recipes.clip import contrastive_loss

N, D = 7, 11


@pytest.fixture
def embeddings() -> tuple[Embeddings, Embeddings]:
    generator = torch.Generator().manual_seed(0)

    def unit() -> torch.Tensor:
        rows = torch.randn(N, D, generator=generator, dtype=torch.float64)
        return rows / rows.norm(dim=1, keepdim=True)

    return tuple(Embeddings(*(unit() for _ in range(4))) for _ in range(2))


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def log_share(scores: list[float], target: int) -> float:
    return scores[target] - math.log(sum(math.exp(score) for score in scores))


def naive_nce(queries: torch.Tensor, targets: torch.Tensor) -> float:
    there = [log_share([100 * dot(query, target) for target in targets], i) for i, query in enumerate(queries)]
    back = [log_share([100 * dot(query, target) for query in queries], i) for i, target in enumerate(targets)]
    return -(sum(there) / N + sum(back) / N) / 2


def naive_cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(1 - dot(x, y) / math.sqrt(dot(x, x) * dot(y, y)) for x, y in zip(a, b, strict=True)) / N


def naive_mixed(queries: torch.Tensor, safe: torch.Tensor, unsafe: torch.Tensor) -> float:
    gallery = [*safe, *unsafe]
    return -sum(log_share([100 * dot(query, item) for item in gallery], i) for i, query in enumerate(queries)) / N


def test_terms_equal_the_formulas(embeddings):
    tuned, frozen = embeddings
    expected = {
        "redirect_text_to_image": naive_nce(tuned.unsafe_text, frozen.image),
        "redirect_image_to_text": naive_nce(tuned.unsafe_image, frozen.text),
        "redirect_text_to_text": naive_cosine(tuned.unsafe_text, frozen.text),
        "redirect_image_to_image": naive_cosine(tuned.unsafe_image, frozen.image),
        "preserve_text_to_text": naive_cosine(tuned.text, frozen.text),
        "preserve_image_to_image": naive_cosine(tuned.image, frozen.image),
        "preserve_text_to_image": naive_nce(tuned.text, frozen.image),
        "preserve_image_to_text": naive_nce(tuned.image, frozen.text),
        "mixed_gallery_text": naive_mixed(tuned.unsafe_text, tuned.image, tuned.unsafe_image),
        "mixed_gallery_image": naive_mixed(tuned.unsafe_image, tuned.text, tuned.unsafe_text),
    }
    terms = objective_terms(tuned, frozen)
    names = {field.name for field in fields(TermWeights)}
    assert set(terms) == set(expected) == {name for name in names if not name.endswith("_states")}
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, abs=1e-6), name


def test_the_logit_scale_is_that_of_every_contrastive_term(embeddings):
    soft = objective_terms(*embeddings, logit_scale=1e-9)
    for side in ("redirect", "preserve"):
        for name in (f"{side}_text_to_image", f"{side}_image_to_text"):
            assert soft[name].item() == pytest.approx(math.log(N), abs=1e-6)
    for name in ("mixed_gallery_text", "mixed_gallery_image"):
        assert soft[name].item() == pytest.approx(math.log(2 * N), abs=1e-6)


def test_the_sum_is_weighted_by_the_papers_table(embeddings):
    terms = objective_terms(*embeddings)
    raw = (0.25, 0.5, 0.1, 0.2, 0.1, 0.1, 0.25, 0.25, 0.0, 0.0)
    expected = sum(weight * float(term) for weight, term in zip(raw, terms.values(), strict=True)) / 1.75
    assert weighted_sum(terms, TermWeights()).item() == pytest.approx(expected, abs=1e-6)
    assert sum(asdict(TermWeights()).values()) == pytest.approx(1.75)


def test_contrastive_loss_is_symmetric_cross_entropy(embeddings):
    tuned, _ = embeddings
    loss = contrastive_loss(tuned.image, tuned.text, torch.tensor(100.0, dtype=torch.float64))
    assert loss.item() == pytest.approx(naive_nce(tuned.image, tuned.text), abs=1e-6)


def test_mixed_gallery_falls_only_when_the_safe_twin_wins():
    safe, unsafe = torch.eye(4)[:2], torch.eye(4)[2:]
    assert mixed_gallery(safe, safe, unsafe) < 1e-6
    assert mixed_gallery(unsafe, safe, unsafe) > 99
    between = torch.nn.functional.normalize(safe + unsafe, dim=1)
    assert mixed_gallery(between, safe, unsafe).item() == pytest.approx(math.log(2), abs=1e-5)
