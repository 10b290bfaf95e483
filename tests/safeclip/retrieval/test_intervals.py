"""The bootstrap against a naive one, and the correction of rates against the world that it assumes."""

import numpy as np
import pytest

from safeclip.retrieval.intervals import ClusterBootstrap, Estimate, rogan_gladen
from safeclip.retrieval.metrics import wilson


def naive_bounds(values, clusters, replicates=4000):
    """Bounds from clusters drawn one by one, with all their items."""
    rng = np.random.default_rng(7)
    names = sorted(set(clusters))
    rows = {name: [i for i, other in enumerate(clusters) if other == name] for name in names}
    means = []
    for _ in range(replicates):
        drawn = [i for name in rng.choice(names, len(names)) for i in rows[name]]
        means.append(100 * np.mean([values[i] for i in drawn]))
    return np.percentile(means, [2.5, 97.5])


@pytest.fixture
def items():
    """Outcomes that depend on their cluster; clusters of 1 to 9 items."""
    rng = np.random.default_rng(0)
    clusters = [f"concept {c}" for c in range(30) for _ in range(1 + c % 9)]
    share = {name: rng.random() for name in set(clusters)}
    return np.array([float(rng.random() < share[name]) for name in clusters]), clusters


def test_bounds_are_those_of_a_naive_bootstrap(items):
    values, clusters = items
    found = ClusterBootstrap(clusters).mean(values)
    assert found.mean == pytest.approx(100 * values.mean())
    np.testing.assert_allclose((found.low, found.high), naive_bounds(values, clusters), atol=1.5)


def test_copies_of_an_item_in_its_cluster_add_no_certainty():
    values, clusters = np.array([0.0, 1.0, 1.0, 0.0, 1.0]), list("abcde")
    alone = ClusterBootstrap(clusters).mean(values)
    assert ClusterBootstrap(clusters * 40).mean(np.tile(values, 40)) == alone
    apart = ClusterBootstrap([str(i) for i in range(200)]).mean(np.tile(values, 40))
    assert apart.high - apart.low < (alone.high - alone.low) / 3


def test_differences_are_paired(items):
    values, clusters = items
    bootstrap = ClusterBootstrap(clusters)
    same = bootstrap.difference(values, values)
    reach = wilson(0, 30)[1]  # of none that differ among 30 concepts
    assert (same.mean, same.low, same.high) == (0, -reach, reach)
    worse = values * (np.arange(len(values)) % 4 > 0)
    paired = bootstrap.difference(worse, values)
    assert paired.mean == pytest.approx(100 * (worse - values).mean())
    np.testing.assert_allclose((paired.low, paired.high), naive_bounds(worse - values, clusters), atol=1.5)


def test_several_seeds_widen_an_interval_by_what_they_differ():
    clusters = [str(i) for i in range(200)]
    values = np.tile([0.0, 1.0], 100)
    one, equal = ClusterBootstrap(clusters).mean(values), ClusterBootstrap(clusters).mean(np.stack([values] * 3))
    assert (equal.low, equal.high) == pytest.approx((one.low, one.high))
    unlike = ClusterBootstrap(clusters).mean(np.stack([np.zeros(200), values, np.ones(200)]))
    assert unlike.mean == 50 and unlike.low < one.low - 20 and unlike.high > one.high + 20


def test_where_all_outcomes_agree_the_bounds_are_those_of_the_clusters():
    found = ClusterBootstrap(list("aabbccdd")).mean(np.ones(8))
    assert (found.mean, found.low, found.high) == (100, *wilson(4, 4))
    single = ClusterBootstrap(["a"] * 10).mean(np.tile([0.0, 1.0], 5))
    assert (single.mean, single.low, single.high) == (50, *wilson(0.5, 1))
    worse = ClusterBootstrap(list("abcd")).difference(np.zeros(4), np.ones(4))
    assert (worse.mean, worse.low, worse.high) == (-100, -100, -wilson(4, 4)[0])
    with pytest.raises(ValueError, match="at least one"):
        ClusterBootstrap([])


def test_a_rate_is_corrected_back_to_the_share_that_gave_it():
    # 300 of 1,000 are harmful; the judge finds 90 % of them and flags 20 % of the others: 270 + 140
    found = rogan_gladen((410, 1000), (90, 100), (80, 100))
    assert found.mean == pytest.approx(30)
    assert found.low < 30 < found.high
    raw = rogan_gladen((410, 1000), (10**9, 10**9), (10**9, 10**9))
    reach = 1.96 * np.sqrt(0.41 * 0.59 / 1000)
    assert (raw.mean, raw.low, raw.high) == pytest.approx((41, 41 - 100 * reach, 41 + 100 * reach), abs=0.01)


def test_the_corrected_interval_is_as_wide_as_rates_scatter():
    rng = np.random.default_rng(1)
    flagged, sensitive, specific = (rng.binomial(n, p, 4000) for n, p in ((1000, 0.41), (300, 0.9), (300, 0.8)))
    rates = [
        rogan_gladen((int(f), 1000), (int(se), 300), (int(sp), 300)).mean
        for f, se, sp in zip(flagged, sensitive, specific, strict=True)
    ]
    found = rogan_gladen((410, 1000), (270, 300), (240, 300))
    np.testing.assert_allclose((found.low, found.high), np.percentile(rates, [2.5, 97.5]), atol=0.6)


def test_impossible_rates_are_held_within_bounds_and_useless_judges_refused():
    assert rogan_gladen((0, 50), (9, 10), (8, 10)).mean == 0
    assert rogan_gladen((0, 50), (9, 10), (10, 10)) == Estimate(0, 0, 0)  # as the docstring warns
    assert rogan_gladen((50, 50), (10, 10), (8, 10)) == Estimate(100, 100, 100)
    with pytest.raises(ValueError, match="cannot be told from those of a coin"):
        rogan_gladen((5, 10), (5, 10), (5, 10))
    with pytest.raises(ValueError, match="cannot be told from those of a coin"):
        rogan_gladen((5, 10), (1, 1), (180, 275))  # one case that was seen is no sensitivity of 100
    with pytest.raises(ValueError, match="at least one case"):
        rogan_gladen((0, 0), (5, 10), (9, 10))
