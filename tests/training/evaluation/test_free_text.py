import numpy as np
import pytest

from training.evaluation.free_text import found_among_first


def test_the_share_is_that_of_a_naive_loop():
    rng = np.random.default_rng(0)
    sentences, captions = (rng.standard_normal((n, 4)) for n in (11, 17))
    relevant = rng.random((11, 17)) < 0.2
    hits = 0
    for sentence, wanted in zip(sentences, relevant, strict=True):
        best = sorted(range(17), key=lambda j: -(captions[j] @ sentence))[:5]
        hits += any(wanted[j] for j in best)
    assert found_among_first(sentences, captions, relevant) == pytest.approx(100 * hits / 11)
    assert found_among_first(sentences, captions, relevant, k=17) == pytest.approx(100 * relevant.any(1).mean())
