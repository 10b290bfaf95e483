"""The Milvus store, on Milvus Lite, against flat FAISS."""

import json
import threading

import numpy as np
import pytest

pytest.importorskip("milvus_lite")

from safeclip.errors import IndexCorruptError, QueryError  # noqa: E402
from safeclip.retrieval.stores.faiss_store import FaissStore  # noqa: E402
from safeclip.retrieval.stores.milvus_store import MilvusStore, Place, connect  # noqa: E402
from tests.fakes.vectors import IDS, QUERIES, VECTORS  # noqa: E402

NUMBERS = np.array([int(id, 16) for id in IDS], np.int64)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    opened = connect(str(tmp_path_factory.mktemp("milvus") / "lite.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def store(client) -> MilvusStore:
    made = MilvusStore.create(client, "images", VECTORS.shape[1])
    made.add(NUMBERS, VECTORS)
    return made


def test_the_best_ten_are_those_of_flat_faiss(store):
    ids, scores = store.search(QUERIES, 10)
    truth = FaissStore.build(IDS, VECTORS, "IDMap,Flat").search(QUERIES, 10)
    assert ids == truth.ids
    np.testing.assert_allclose(scores, truth.scores, atol=1e-6)
    assert scores.dtype == np.float32 and (len(store), store.dim) == (300, 16)


def test_k_is_at_most_the_size_and_may_be_nothing(store):
    ids, scores = store.search(QUERIES, 1000)
    assert scores.shape == (5, 300) and all(sorted(row) == sorted(IDS) for row in ids)
    assert store.search(QUERIES, 0).ids == [[]] * 5 and store.search(QUERIES[:0], 2).ids == []
    with pytest.raises(QueryError, match="at most 16,384 results"):
        store.search(QUERIES, 16_385)


def test_vectors_come_back_by_their_ids(store):
    np.testing.assert_allclose(store.vectors([IDS[7], IDS[3], IDS[7]]), VECTORS[[7, 3, 7]], atol=1e-7)
    assert store.vectors([]).shape == (0, 16)
    with pytest.raises(QueryError, match="is not in the index"):
        store.vectors(["0123456789abcdef"])


def test_all_ids_are_listed(store):
    assert sorted(store.ids()) == sorted(NUMBERS)


def test_several_threads_may_search(store):
    found = {}
    threads = [
        threading.Thread(target=lambda row=row: found.update({row: store.search(QUERIES[row : row + 1], 3).ids[0]}))
        for row in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[row] for row in range(5)] == store.search(QUERIES, 3).ids


def test_a_collection_that_is_not_there(client, tmp_path):
    with pytest.raises(IndexCorruptError, match="Milvus does not answer for the collection absent"):
        MilvusStore(client, "absent")


def test_a_place_is_written_without_the_token(tmp_path, monkeypatch):
    monkeypatch.setenv("MILVUS_TOKEN", "root:secret")
    Place("http://milvus.example:19530", "images_original").write(tmp_path / "images.milvus.json")
    text = (tmp_path / "images.milvus.json").read_text()
    assert json.loads(text) == {"uri": "http://milvus.example:19530", "collection": "images_original"}
    assert Place.read(tmp_path / "images.milvus.json") == Place("http://milvus.example:19530", "images_original")
