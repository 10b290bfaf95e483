"""Synthetic embeddings have the statistics that they are drawn from, and the measurement of indexes on them."""

import numpy as np
import pytest

from index_builder.measuring.large_indexes import measure
from index_builder.measuring.synthetic import PairStatistics
from index_builder.options import ProfileOptions
from index_builder.workspace import describe


def test_drawn_pairs_have_the_mean_and_the_covariance_of_the_given_ones():
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(12, 12))
    pairs = 1 + 0.05 * rng.normal(size=(4000, 12)) @ mixed
    drawn = PairStatistics.of(pairs[:, :6], pairs[:, 6:]).draw(rng, 4000)
    for name, given in (("images", pairs[:, :6]), ("captions", pairs[:, 6:])):
        given = given / np.linalg.norm(given, axis=1, keepdims=True)
        assert np.allclose(np.linalg.norm(drawn[name], axis=1), 1, atol=1e-5)
        assert np.allclose(drawn[name].mean(axis=0), given.mean(axis=0), atol=0.01)
        assert np.allclose(np.cov(drawn[name].T), np.cov(given.T), atol=0.01)


@pytest.mark.full
def test_kinds_of_indexes_are_measured():
    figures = measure(describe(ProfileOptions(profile="emoji")), 20_000, ["flat16", "ivf-pq8"])
    flat, small = figures["kinds"]["flat16"], figures["kinds"]["ivf-pq8"]
    assert min(flat["recall@10"].values()) > 0.99 and small["bytes"] < flat["bytes"] / 3
    assert 0.9 < flat["bytes"] / flat["expected_bytes"] < 1.1
