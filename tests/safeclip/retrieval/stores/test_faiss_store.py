"""The FAISS store against exhaustive search in numpy."""

import threading

import numpy as np
import pytest

from safeclip.errors import IndexCorruptError, QueryError
from safeclip.retrieval.stores.faiss_gpu import OnGpu
from safeclip.retrieval.stores.faiss_store import FaissStore
from tests.fakes.vectors import IDS, QUERIES, VECTORS


def test_the_best_are_those_of_exhaustive_search():
    ids, scores = FaissStore.build(IDS, VECTORS, "IDMap,Flat").search(QUERIES, 10)
    cosines = QUERIES @ VECTORS.T
    order = np.argsort(-cosines, axis=1)[:, :10]
    assert ids == [[IDS[j] for j in row] for row in order]
    np.testing.assert_allclose(scores, np.take_along_axis(cosines, order, 1), atol=1e-6)
    assert scores.dtype == np.float32


def test_half_precision_changes_a_cosine_by_less_than_a_thousandth():
    ids, scores = FaissStore.build(IDS, VECTORS).search(QUERIES, 300)
    for query, row_ids, row_scores in zip(QUERIES, ids, scores, strict=True):
        exact = {id: float(query @ vector) for id, vector in zip(IDS, VECTORS, strict=True)}
        np.testing.assert_allclose(row_scores, [exact[id] for id in row_ids], atol=1e-3)
        assert sorted(row_ids) == sorted(IDS)
        assert (np.diff(row_scores) <= 0).all()


def test_k_is_at_most_the_size_and_may_be_nothing():
    index = FaissStore.build(IDS[:3], VECTORS[:3])
    assert (len(index), index.dim) == (3, 16)
    ids, scores = index.search(QUERIES, 1000)
    assert scores.shape == (5, 3)
    assert [len(row) for row in ids] == [3] * 5
    ids, scores = index.search(QUERIES, 0)
    assert scores.shape == (5, 0)
    assert ids == [[]] * 5
    assert index.search(QUERIES[:0], 2).ids == []


def test_an_approximate_index_leaves_places_empty():
    index = FaissStore.build(IDS, VECTORS, "IDMap,IVF64,Flat")
    ids, scores = index.search(QUERIES, 300)
    found = [[id for id in row if id] for row in ids]
    assert all(0 < len(row) < 300 and set(row) <= set(IDS) for row in found)


@pytest.mark.parametrize("ids", [IDS[:299], [*IDS[:299], IDS[0]]])
def test_ids_must_be_as_many_and_different(ids):
    with pytest.raises(ValueError, match="all different"):
        FaissStore.build(ids, VECTORS)


def test_a_factory_without_ids_is_refused():
    with pytest.raises(ValueError, match="IDMap"):
        FaissStore.build(IDS, VECTORS, "Flat")


@pytest.mark.parametrize(
    ("factory", "tolerance"),
    [("IDMap,Flat", 0), ("IDMap,SQfp16", 1e-3), ("IDMap,IVF4,Flat", 0), ("IDMap,HNSW8", 0), ("IDMap,IVF4,PQ4x4", 0.6)],
)
def test_a_store_gives_its_vectors_back(factory, tolerance):
    store = FaissStore.build(IDS, VECTORS, factory)
    rows = [7, 299, 0, 7]
    found = store.vectors([IDS[row] for row in rows])
    assert found.dtype == np.float32 and found.shape == (4, 16)
    np.testing.assert_allclose(found, VECTORS[rows], atol=tolerance)
    assert store.vectors([]).shape == (0, 16)
    assert len(store.search(QUERIES, 3).ids[0]) == 3, "and is searched as before"


def test_an_id_that_is_not_there_has_no_vector():
    with pytest.raises(QueryError, match="not in the index"):
        FaissStore.build(IDS[:3], VECTORS[:3]).vectors([IDS[5]])


def test_a_store_that_cannot_give_its_vectors_back_says_so():
    class Forgetful:
        def reconstruct_batch(self, rows):
            raise RuntimeError("reconstruct_batch not implemented for this type of index\nat line 3")

    store = FaissStore(OnGpu(Forgetful(), np.array([int(id, 16) for id in IDS])))
    with pytest.raises(QueryError, match="cannot give its vectors back: .* for this type of index$"):
        store.vectors(IDS[:2])


def test_threads_may_ask_for_vectors_while_others_search():
    store = FaissStore.build(IDS, VECTORS, "IDMap,IVF4,Flat")
    faults = []

    def ask():
        try:
            np.testing.assert_array_equal(store.vectors(IDS), VECTORS)
            assert len(store.search(QUERIES, 5).ids) == 5
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_saved_store_is_read_as_it_was(tmp_path):
    store = FaissStore.build(IDS, VECTORS)
    store.save(tmp_path / "images.faiss")
    again = FaissStore.read(tmp_path / "images.faiss")
    np.testing.assert_array_equal(again.search(QUERIES, 9).scores, store.search(QUERIES, 9).scores)
    assert again.metadata == store.metadata == {**store.metadata, "store": "faiss", "on_gpu": False, "count": 300}


def test_a_file_that_faiss_cannot_read_is_reported(tmp_path):
    (tmp_path / "images.faiss").write_bytes(b"no index")
    with pytest.raises(IndexCorruptError, match="FAISS cannot read"):
        FaissStore.read(tmp_path / "images.faiss")
