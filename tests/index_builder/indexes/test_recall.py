import numpy as np
import pytest

from index_builder.indexes.recall import held_out, recall, sample_queries, true_neighbours
from safeclip.retrieval.stores.faiss_store import FaissStore

from .vectors import cut, names, unit_rows


def test_recall_is_the_share_of_the_true_neighbours():
    vectors, queries, ids = unit_rows(200), unit_rows(20, seed=1), np.arange(200)
    truth = true_neighbours(cut(ids, vectors, 50, 60)(), queries)
    assert truth.tolist() == np.argsort(-(queries @ vectors.T), axis=1)[:, :10].tolist()
    assert recall(FaissStore.build(names(ids), vectors, "IDMap,Flat"), queries, truth) == 1
    half = FaissStore.build(names(ids[:100]), vectors[:100], "IDMap,Flat")
    assert recall(half, queries, truth) == pytest.approx((truth < 100).mean(), abs=1e-4)


def test_without_queries_or_vectors_there_is_no_recall():
    index = FaissStore.build(names(range(3)), unit_rows(3), "IDMap,Flat")
    assert recall(index, unit_rows(0), true_neighbours(cut(np.arange(3), unit_rows(3))(), unit_rows(0))) is None
    assert recall(index, unit_rows(2), true_neighbours([], unit_rows(2))) is None


def test_queries_are_held_out_of_training_where_there_are_enough():
    ids = np.arange(8000)
    vectors = np.repeat(ids[:, None].astype(np.float32), 4, axis=1)
    chosen = sample_queries(cut(ids, vectors, 100, 4000), 8000, 4)[:, 0].astype(int)
    assert 64 <= len(chosen) <= 256 and held_out(chosen).all()
    few = sample_queries(cut(ids[:100], vectors[:100]), 100, 4)[:, 0].astype(int)
    assert few.tolist() == list(range(100))
    assert len(sample_queries(cut(ids[:3000], vectors[:3000]), 3000, 4)) <= 256
