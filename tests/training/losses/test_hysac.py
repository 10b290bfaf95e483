"""HySAC's terms against the library's own Lorentz model and against hyperbolic trigonometry."""

import math

import numpy as np
import pytest
import torch

from safeclip.encoders import lorentz
from tests.training.losses import naive
from training.losses.embeddings import Embeddings, Features, FrozenEmbeddings
from training.losses.hysac import (
    HysacOptions,
    HysacParameters,
    entailment,
    exponential_map,
    hysac,
    hysac_retrieval,
    pairwise_distance,
)

N, D = 5, 6


def features(seed: int) -> torch.Tensor:
    return 2 * naive.unit(N, D, seed).float()


@pytest.fixture
def parameters() -> HysacParameters:
    module = HysacParameters(HysacOptions(), D)
    with torch.no_grad():
        module.curvature.fill_(math.log(0.6))
        module.logit_scale.fill_(math.log(3.0))
    return module


def points(each: torch.Tensor, factor: float, curvature: float) -> np.ndarray:
    return lorentz.lift(factor * each.double(), curvature).numpy()


def distance(x: np.ndarray, y: np.ndarray, curvature: float) -> float:
    return float(lorentz.distance(lorentz.as_query(x[None]) @ y, curvature)[0])


def exterior_angle(x: np.ndarray, y: np.ndarray, curvature: float) -> float:
    """π minus the angle at x of the triangle root, x, y, by the hyperbolic law of cosines."""
    root = np.array([*np.zeros(D), 1 / math.sqrt(curvature)])
    a, b, c = (math.sqrt(curvature) * distance(p, q, curvature) for p, q in ((root, y), (root, x), (x, y)))
    cosine = (math.cosh(b) * math.cosh(c) - math.cosh(a)) / (math.sinh(b) * math.sinh(c))
    return math.pi - math.acos(cosine)


def test_terms_equal_a_computation_in_the_librarys_lorentz_model(parameters):
    tuned_features = Features(*(features(seed) for seed in range(4)))
    normalised = [torch.nn.functional.normalize(each, dim=-1) for each in vars(tuned_features).values()]
    tuned = Embeddings(*normalised, features=tuned_features)
    terms = hysac(tuned, FrozenEmbeddings(normalised[0], normalised[2]), HysacOptions(), parameters)
    c, factor = 0.6, D**-0.5
    t, tu, v, vu = (points(each, factor, c) for each in vars(tuned_features).values())

    def contrast(xs, ys) -> float:
        logits = [[-3.0 * distance(x, y, c) for y in ys] for x in xs]
        columns = [list(column) for column in zip(*logits, strict=True)]
        both = [naive.log_share(row, i) for side in (logits, columns) for i, row in enumerate(side)]
        return -sum(both) / (2 * N)

    def cone(xs, ys) -> float:
        apertures = [math.asin(min(1.0, 0.2 / (math.sqrt(c) * np.linalg.norm(x[:-1])))) for x in xs]
        angles = [exterior_angle(x, y, c) for x, y in zip(xs, ys, strict=True)]
        return sum(max(0.0, angle - aperture) for angle, aperture in zip(angles, apertures, strict=True)) / N

    expected = {
        "contrast_safe": contrast(t, v),
        "contrast_unsafe": contrast(tu, vu),
        "contrast_text_unsafe_image": contrast(t, vu),
        "contrast_unsafe_text_image": contrast(tu, v),
        "text_entails_image": cone(t, v),
        "unsafe_text_entails_image": cone(tu, vu),
        "image_entails_unsafe_text": cone(v, tu),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=2e-4)


def test_a_point_behind_on_the_same_ray_is_entailed_and_one_before_it_is_not():
    c, ray = torch.tensor(1.0), naive.unit(1, D, 0).float()
    near, far = (exponential_map(length * ray, c) for length in (0.5, 2.0))
    assert entailment(near, far, c).item() == 0
    assert entailment(far, near, c).item() > 2


def test_retrieval_ranks_by_distance(parameters):
    tuned = Embeddings(*(features(seed) for seed in range(4)), features=Features(*(features(s) for s in range(4))))
    queries, gallery = hysac_retrieval(tuned, parameters)
    scores = queries.text @ gallery.image.T
    c = parameters.curvature.exp()
    lifted = parameters.lift(tuned.features.text, "text"), parameters.lift(tuned.features.image, "image")
    assert torch.equal(scores.argsort(1, descending=True), pairwise_distance(*lifted, c).argsort(1))


def test_learnt_numbers_stay_in_their_ranges(parameters):
    assert HysacParameters(HysacOptions(), 16).text_factor.exp().item() == pytest.approx(0.25)
    with torch.no_grad():
        for each in parameters.parameters():
            each.fill_(50.0)
    parameters.clamp()
    values = [each.exp().item() for each in parameters.parameters()]
    assert values == pytest.approx([10.0, 1.0, 1.0, 100.0])


def test_gradients_are_finite_for_equal_and_for_distant_points(parameters):
    same = features(0).requires_grad_()
    distant = (1000 * features(1)).requires_grad_()
    inputs = Features(same, distant, same, distant)
    terms = hysac(Embeddings(same, distant, same, distant, features=inputs), None, HysacOptions(), parameters)
    sum(terms.values()).backward()
    for each in (same, distant, *parameters.parameters()):
        assert each.grad.isfinite().all()
