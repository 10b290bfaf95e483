"""Indexes filled by shards, recall, near duplicates: each against the plain way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index_builder.errors import BuildError
from index_builder.indexes.duplicates import near_duplicates
from index_builder.indexes.faiss_factory import build_index, recall
from index_builder.store.selection import Live, sample_rows
from safeclip.retrieval.stores.faiss_store import FaissStore


def unit_rows(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cut(ids, vectors, *places):
    return lambda: zip(np.split(ids, places), np.split(vectors, places), strict=True)


def names(ids) -> list[str]:
    return [f"{id:016x}" for id in ids]


@pytest.mark.parametrize("factory", ["IDMap,SQfp16", "IDMap,Flat", "IDMap,IVF4,Flat"])
def test_shard_by_shard_equals_the_librarys_build(factory):
    vectors, ids = unit_rows(300), np.arange(300) * 7 + 1
    index = build_index(cut(ids, vectors, 10, 11, 250), 300, 16, factory)
    whole = FaissStore.build(names(ids), vectors, factory)
    found, expected = index.search(vectors[:50], 10), whole.search(vectors[:50], 10)
    assert found.ids == expected.ids
    assert np.array_equal(found.scores, expected.scores)


def test_too_few_rows_to_train_is_a_clear_error():
    with pytest.raises(BuildError, match="5 rows cannot train.*IDMap,SQfp16"):
        build_index(cut(np.arange(5), unit_rows(5)), 5, 16, "IDMap,IVF64,Flat")


def test_recall_is_the_share_of_the_true_neighbours():
    vectors, queries, ids = unit_rows(200), unit_rows(20, seed=1), np.arange(200)
    shards = cut(ids, vectors, 50, 60)
    assert recall(build_index(shards, 200, 16, "IDMap,Flat"), shards(), queries) == 1
    assert recall(build_index(cut(ids[:100], vectors[:100]), 100, 16, "IDMap,Flat"), shards(), queries) < 0.9
    half = FaissStore.build(names(ids[:100]), vectors[:100], "IDMap,Flat")
    true = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    assert recall(half, shards(), queries) == pytest.approx((true < 100).mean(), abs=1e-4)
    assert recall(half, shards(), queries[:0]) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.sets(st.integers(0, 30)), st.integers(0, 60))
def test_live_ids_come_once_and_removed_ones_never(stored, removed, place):
    stored = np.array(stored, np.int64)
    shards = [(np.unique(part), np.unique(part)[:, None]) for part in np.split(stored, [min(place, len(stored))])]
    live = Live(names(range(20)), names(removed))
    found = [id for ids, vectors in live.filter(shards) for id in ids.tolist()]
    assert sorted(found) == sorted(set(stored.tolist()) & set(range(20)) - removed)
    assert all((ids == vectors[:, 0]).all() for ids, vectors in live.filter(shards))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20))
def test_samples_are_even_and_bounded(total, place, limit):
    ids = np.arange(total)
    sampled, vectors = sample_rows(cut(ids, unit_rows(total), min(place, total))(), total, 16, limit)
    assert len(sampled) == len(vectors) <= limit
    assert sampled.tolist() == list(range(0, total, max(1, -(-total // limit))))


def planted(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of which each tenth is nearly the one before it."""
    vectors = unit_rows(n, 32)
    vectors[10::10] = vectors[9:-1:10] + 0.003 * unit_rows(len(vectors[10::10]), 32, seed=2)
    return np.arange(n) + 1, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_near_duplicates_equal_all_pairs():
    ids, vectors = planted(120)
    found = near_duplicates(cut(ids, vectors, 7, 100), 120, 32, 0.4)
    similarity = np.triu(vectors @ vectors.T, 1)
    a, b = np.nonzero(similarity >= 0.4)
    assert found.exact and found.pairs == len(a) > 11
    expected = sorted(zip(similarity[a, b].tolist(), ids[a].tolist(), ids[b].tolist(), strict=True), reverse=True)
    assert [pair[2] for pair in found.closest] == pytest.approx([each[0] for each in expected][:100], abs=1e-5)
    listed = {frozenset(pair[:2]) for pair in found.closest[:11]}
    assert listed == {frozenset(names((i, i + 1))) for i in range(10, 120, 10)}


def test_beyond_the_exact_size_planted_pairs_are_still_found():
    ids, vectors = planted(3000)
    found = near_duplicates(cut(ids, vectors, 1000), 3000, 32, 0.999, exact_rows=100)
    assert not found.exact
    assert found.pairs >= 0.98 * 299
    assert len(found.closest) == 100
