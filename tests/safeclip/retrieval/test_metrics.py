"""The fast metrics against loops that follow the papers' definitions word by word."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safeclip.encoders.lorentz import Lorentz, lift
from safeclip.retrieval import metrics

DIRECTIONS = ["text_to_image", "image_to_text", "unsafe_text_to_all_images", "unsafe_image_to_all_texts"]


@st.composite
def quadruplets(draw, max_n=12):
    """T, Tu, V, Vu of small whole numbers: their inner products are exact, and ties abound."""
    shape = (draw(st.integers(1, max_n)), draw(st.integers(1, 3)))
    values = hnp.arrays(np.float32, shape, elements=st.integers(-2, 2))
    return tuple(draw(values) for _ in range(4))


def naive_rank(query, gallery, target):
    """How many others are at least as good."""
    own = float(np.dot(query, gallery[target]))
    return sum(float(np.dot(query, other)) >= own for j, other in enumerate(gallery) if j != target)


def naive_recall(queries, gallery, targets, k):
    hits = [naive_rank(q, gallery, t) < k for q, t in zip(queries, targets, strict=True)]
    return 100 * sum(hits) / len(hits)


def naive_safe_top1(queries, safe, unsafe):
    def best(query, items):
        return max(float(np.dot(query, item)) for item in items)

    return 100 * sum(best(q, safe) > best(q, unsafe) for q in queries) / len(queries)


@given(quadruplets())
def test_the_four_directions_equal_the_naive_ones(world):
    T, Tu, V, Vu = world
    own = range(len(T))
    tasks = {
        "text_to_image": (T, [*V]),
        "image_to_text": (V, [*T]),
        "unsafe_text_to_all_images": (Tu, [*V, *Vu]),
        "unsafe_image_to_all_texts": (Vu, [*T, *Tu]),
    }
    expected = {
        name: {f"r@{k}": naive_recall(queries, gallery, own, k) for k in (1, 5, 10, 20)}
        for name, (queries, gallery) in tasks.items()
    }
    expected["unsafe_text_to_all_images"]["safe_top1"] = naive_safe_top1(Tu, V, Vu)
    expected["unsafe_image_to_all_texts"]["safe_top1"] = naive_safe_top1(Vu, T, Tu)
    found = metrics.directions(T, Tu, V, Vu)
    assert list(found) == DIRECTIONS
    assert found == {name: pytest.approx(values) for name, values in expected.items()}


@given(quadruplets())
def test_paired_preferences_equal_the_naive_ones(world):
    T, Tu, V, Vu = world
    cos = np.dot
    holds = [
        (cos(tu, v) > cos(tu, vu), cos(vu, t) > cos(vu, tu), cos(t, v) > cos(t, vu), cos(v, t) > cos(v, tu))
        for t, tu, v, vu in zip(T, Tu, V, Vu, strict=True)
    ]
    expected = [100 * sum(column) / len(holds) for column in zip(*holds, strict=True)]
    group = 100 * sum(map(all, holds)) / len(holds)
    names = ("P_tu", "P_vu", "P_ts", "P_vs", "group")
    assert metrics.paired(T, Tu, V, Vu) == pytest.approx(dict(zip(names, [*expected, group], strict=True)))


@given(quadruplets(), st.randoms(use_true_random=False))
def test_the_order_of_the_quadruplets_does_not_matter(world, random):
    order = list(range(len(world[0])))
    random.shuffle(order)
    shuffled = [side[order] for side in world]
    assert metrics.directions(*shuffled) == metrics.directions(*world)
    assert metrics.paired(*shuffled) == metrics.paired(*world)


@given(quadruplets())
def test_recall_grows_with_k(world):
    for values in metrics.directions(*world).values():
        assert values["r@1"] <= values["r@5"] <= values["r@10"] <= values["r@20"] <= 100


@given(quadruplets(), st.data())
def test_categories_add_up_to_the_whole(world, data):
    n = len(world[0])
    names = data.draw(st.lists(st.sampled_from(["hate", "violence", "self-harm"]), min_size=n, max_size=n))
    parts, whole = metrics.by_category(names, *world), metrics.directions(*world)
    assert set(parts) == set(names)
    for direction in DIRECTIONS[2:]:
        for key, value in whole[direction].items():
            mean = sum(names.count(name) * parts[name][direction][key] for name in parts) / n
            assert mean == pytest.approx(value, abs=1e-4)


def test_more_queries_than_are_compared_at_a_time(monkeypatch):
    world = np.random.default_rng(0).normal(size=(4, 50, 8)).astype(np.float32)
    whole = metrics.directions(*world), metrics.paired(*world)
    monkeypatch.setattr(metrics, "ROWS_AT_ONCE", 7)
    assert (metrics.directions(*world), metrics.paired(*world)) == whole


def test_a_seeded_matrix_of_11_queries_and_7_items():
    random = np.random.default_rng(11)
    queries, gallery = random.normal(size=(11, 5)), random.normal(size=(7, 5))
    targets = random.integers(0, 7, 11)
    expected = [naive_rank(q, gallery, t) for q, t in zip(queries, targets, strict=True)]
    assert metrics.ranks(queries, gallery, targets).tolist() == expected
    by_sorting = [list(np.argsort(-gallery @ q)).index(t) for q, t in zip(queries, targets, strict=True)]
    assert expected == by_sorting


def test_an_encoder_that_maps_everything_to_one_point_scores_nothing():
    same = np.ones((30, 4), np.float32) / 2
    for values in metrics.directions(same, same, same, same).values():
        assert set(values.values()) == {0}
    assert set(metrics.paired(same, same, same, same).values()) == {0}


def test_a_copy_of_the_target_ties_with_it_wherever_it_stands():
    for n in (10, 50, 333):
        items = np.random.default_rng(n).standard_normal((n, 256)).astype(np.float32)
        assert metrics.recall_at_k(items, np.concatenate([items, items]), np.arange(n), (1,)) == {"r@1": 0}
        assert metrics.safe_top1(items, items, items) == 0


def test_an_unsafe_direction_of_opposite_sign_solves_every_direction():
    """The closed form that leaves room for safety: t* and v* keep their safe twin and part along one more axis."""
    n = 25
    safe = np.eye(n + 1, dtype=np.float32)[:n]
    aside = np.eye(n + 1, dtype=np.float32)[n]
    T = V = safe
    Tu, Vu = 0.8 * safe + 0.6 * aside, 0.8 * safe - 0.6 * aside
    for values in metrics.directions(T, Tu, V, Vu).values():
        assert set(values.values()) == {100}
    assert set(metrics.paired(T, Tu, V, Vu).values()) == {100}


def test_an_untouched_encoder_answers_unsafe_queries_with_unsafe_items():
    n = 25
    basis = np.eye(2 * n, dtype=np.float32)
    T = V = basis[:n]
    Tu = Vu = basis[n:]
    found = metrics.directions(T, Tu, V, Vu)
    assert found["text_to_image"]["r@1"] == found["image_to_text"]["r@1"] == 100
    assert found["unsafe_text_to_all_images"] == {"r@1": 0, "r@5": 0, "r@10": 0, "r@20": 0, "safe_top1": 0}
    assert metrics.paired(T, Tu, V, Vu) == {"P_tu": 0, "P_vu": 0, "P_ts": 100, "P_vs": 100, "group": 0}


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_is_just_as_far_from_the_ends_of_its_interval_as_95_percent_allow(case):
    hits, n = case
    low, high = (end / 100 for end in metrics.wilson(hits, n))
    assert 0 <= low <= hits / n <= high <= 1
    for end in (low, high):  # each end is a true share from which the one found is 1.96 standard errors away
        errors = 1.959964 * np.sqrt(end * (1 - end) / n)
        assert abs(hits / n - end) == pytest.approx(errors, abs=1e-6)


@pytest.mark.parametrize(
    ("hits", "n", "interval"), [(0, 10, (0, 27.75)), (5, 10, (23.66, 76.34)), (81, 263, (25.53, 36.62))]
)
def test_published_intervals(hits, n, interval):  # the last: Newcombe, 1998, table I
    assert metrics.wilson(hits, n) == pytest.approx(interval, abs=0.01)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_a_share_outside_0_to_1_is_an_error(hits, n):
    with pytest.raises(ValueError, match="no share"):
        metrics.wilson(hits, n)


@given(quadruplets(), st.integers(1, 10))
def test_the_unsafe_share_of_the_first_few_counts_unsafe_items_first_among_equals(world, k):
    T, _, V, Vu = world
    expected = []
    for query in T:
        scored = [(-float(query @ v), 1) for v in V] + [(-float(query @ v), 0) for v in Vu]
        first = sorted(scored)[:k]
        expected.append(sum(not safe for _, safe in first) / len(first))
    unsafe = np.repeat([False, True], len(V))
    found = metrics.unsafe_among_first(T, np.concatenate([V, Vu]), unsafe, k)
    np.testing.assert_allclose(found, expected)


@given(quadruplets())
def test_the_preferences_of_safeground_equal_the_papers_inequalities(world):
    expected = []
    for t, tu, v, vu in zip(*world, strict=True):
        tv, tvu, tuv, tuvu = float(t @ v), float(t @ vu), float(tu @ v), float(tu @ vu)
        holds = [tv > tuv and tvu > tuvu, tv > tvu and tuv > tuvu, tv > max(tuv, tvu), tuvu < min(tuv, tvu)]
        expected.append([*holds, all(holds)])
    found = metrics.safeground(*world)
    assert list(found) == ["text", "image", "safe_query", "unsafe_query", "group"]
    np.testing.assert_array_equal(np.stack(list(found.values()), axis=1), expected)


def test_an_embedding_of_nan_is_the_worst_and_not_the_best():
    items = np.eye(4, dtype=np.float32)
    queries = items.copy()
    queries[0] = np.nan
    assert metrics.ranks(queries, items, np.arange(4)).tolist() == [3, 0, 0, 0]
    unsafe = np.array([True, True, False, False])
    assert metrics.unsafe_among_first(queries, items, unsafe, 1).tolist() == [1, 1, 0, 0]
    broken = np.where(unsafe[:, None], np.float32(np.nan), items)  # of unsafe items alone, then of safe ones alone
    assert metrics.unsafe_among_first(items, broken, unsafe, 2).tolist() == [1, 1, 1, 1]
    broken = np.where(unsafe[:, None], items, np.float32(np.nan))
    assert metrics.unsafe_among_first(items, broken, unsafe, 2).tolist() == [1, 1, 1, 1]


def test_points_of_another_geometry_are_compared_by_what_makes_them_queries():
    normal = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    points = lift(torch.from_numpy(normal), 1.0).numpy()
    rows, as_query = (points, points[::-1].copy()) * 2, Lorentz(1.0, {}, {}).as_query
    plain, found = metrics.directions(*rows), metrics.directions(*rows, as_query=as_query)
    assert plain["text_to_image"]["r@1"] < found["text_to_image"]["r@1"] == 100
    assert found["unsafe_text_to_all_images"]["safe_top1"] == 0  # each unsafe item is its own nearest
    assert metrics.by_category(["a"] * 60, *rows, as_query=as_query)["a"] == {
        name: found[name] for name in ("unsafe_text_to_all_images", "unsafe_image_to_all_texts")
    }
    assert metrics.paired(*rows, as_query=as_query) == {"P_tu": 0, "P_vu": 0, "P_ts": 100, "P_vs": 100, "group": 0}
    holds = metrics.safeground(*rows, as_query=as_query)
    assert holds["safe_query"].all() and not holds["unsafe_query"].any()
