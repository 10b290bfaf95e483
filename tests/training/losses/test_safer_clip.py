import math

import pytest
import torch

from tests.training.losses import naive
from training.data.quadruplets.reference import nearest
from training.losses.embeddings import Embeddings, FrozenEmbeddings
from training.losses.safer_clip import SaferClipOptions, curriculum_share, easiest, safer_clip

N, D = 6, 9


def test_terms_equal_the_formulas():
    t, tu, v, vu, t0, v0, tu0, vu0, near_v, near_t = (naive.unit(N, D, seed) for seed in range(10))
    tuned = Embeddings(t, tu, v, vu)
    frozen = FrozenEmbeddings(t0, v0, tu0, vu0, near_v, near_t, progress=0.0)
    terms = safer_clip(tuned, frozen, SaferClipOptions(logit_scale=10, easiest=0.5))

    def relative(queries, targets, twins, originals) -> float:
        order = sorted(range(N), key=lambda i: -naive.dot(originals[i], targets[i]))[: N // 2]  # the easiest half
        scores = [[10 * naive.dot(queries[i], other) for other in (targets[i], twins[i])] for i in order]
        return -sum(naive.log_share(row, 0) for row in scores) / len(order)

    expected = {
        "relative_redirect_text": relative(tu, near_v, vu0, tu0),
        "relative_redirect_image": relative(vu, near_t, tu0, vu0),
        "preserve_text_to_text": naive.cosine_distance(t, t0),
        "preserve_image_to_image": naive.cosine_distance(v, v0),
        "preserve_text_to_image": naive.nce(t, v0, 10),
        "preserve_image_to_text": naive.nce(v, t0, 10),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-9)


def test_no_other_item_of_the_batch_is_a_negative():
    a, b = (FrozenEmbeddings(*(naive.unit(2, D, seed) for seed in range(first, first + 6))) for first in (0, 20))
    b.nearest_image[0], b.unsafe_image[0], b.unsafe_text[0] = a.nearest_image[0], a.unsafe_image[0], a.unsafe_text[0]
    tuned = Embeddings(*(naive.unit(2, D, seed) for seed in range(40, 44)))
    gradients = []
    for frozen in (a, b):
        tuned.unsafe_text = tuned.unsafe_text.detach().requires_grad_()
        safer_clip(tuned, frozen, SaferClipOptions())["relative_redirect_text"].backward()
        gradients.append(tuned.unsafe_text.grad[0])
    assert torch.equal(*gradients)


def test_the_curriculum_goes_from_easy_pairs_to_all():
    options = SaferClipOptions(easiest=0.2, all_from=0.5)
    assert [curriculum_share(each, options) for each in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.2, 0.6, 1.0, 1.0])
    queries = torch.eye(4)
    targets = torch.tensor([[0.1, 0, 0, 0], [0, 0.9, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0.7]])
    assert easiest(queries, targets, 0.5).tolist() == [False, True, False, True]
    assert easiest(queries, targets, 0.01).tolist() == [False, True, False, False]


def test_an_unsafe_item_that_reached_its_target_costs_next_to_nothing():
    targets, twins = naive.unit(3, D, 0), naive.unit(3, D, 1)
    frozen = FrozenEmbeddings(targets, targets, twins, twins, targets, targets)
    at = {
        name: safer_clip(Embeddings(targets, each, targets, each), frozen, SaferClipOptions())["relative_redirect_text"]
        for name, each in (("target", targets), ("twin", twins), ("middle", targets + twins))
    }
    assert at["target"] < 1e-6 < at["middle"].item() < at["twin"].item()
    assert at["middle"].item() == pytest.approx(math.log(2), abs=1e-6)


def test_nearest_is_that_of_a_naive_search():
    queries, gallery = naive.unit(20, D, 2), naive.unit(33, D, 3)
    expected = [max(range(33), key=lambda j: naive.dot(query, gallery[j])) for query in queries]
    assert nearest(queries, gallery).tolist() == expected
