"""The way of an index to the GPU, with CPU indexes in the place of the GPU's."""

import threading
import time

import faiss
import numpy as np
import pytest

from safeclip.errors import QueryError
from safeclip.hashing import content_id
from safeclip.retrieval.stores import faiss_gpu
from safeclip.retrieval.stores.faiss_gpu import gpu_count
from safeclip.retrieval.stores.faiss_store import FaissStore
from tests.fakes.vectors import IDS, QUERIES, VECTORS, unit


@pytest.mark.skipif(gpu_count() == 0, reason="needs a GPU")
def test_the_gpu_finds_what_the_cpu_finds():
    on_cpu = FaissStore.build(IDS, VECTORS)
    on_gpu = on_cpu.to_gpu()
    assert (on_gpu.on_gpu, on_cpu.on_gpu) == (True, False)
    (gpu_ids, gpu_scores), (cpu_ids, cpu_scores) = (store.search(QUERIES, 5) for store in (on_gpu, on_cpu))
    assert gpu_ids == cpu_ids
    np.testing.assert_allclose(gpu_scores, cpu_scores, atol=2e-3)


@pytest.fixture
def stand_in(monkeypatch):
    """Indexes of the CPU where the GPU's would be made; the calls are counted."""
    calls = {"flat": 0, "cloned": 0}

    def flat(dim):
        calls["flat"] += 1
        return faiss.index_factory(dim, "SQfp16", faiss.METRIC_INNER_PRODUCT)

    def cloned(index):
        calls["cloned"] += 1
        return faiss.clone_index(index)

    monkeypatch.setattr(faiss_gpu, "empty_flat", flat)
    monkeypatch.setattr(faiss_gpu, "clone", cloned)
    monkeypatch.setattr(faiss_gpu, "CHUNK_ROWS", 64)
    return calls


@pytest.mark.parametrize(
    ("factory", "way"),
    [
        ("IDMap,SQfp16", "flat"),
        ("IDMap,Flat", "flat"),
        ("IDMap,IVF4,Flat", "cloned"),
        ("IDMap,IVF4,SQ8", "cloned"),
        ("IDMap,IVF4,PQ4x4", "cloned"),
    ],
)
def test_every_factory_keeps_its_ids_on_the_gpu(stand_in, factory, way):
    on_cpu = FaissStore.build(IDS, VECTORS, factory)
    on_gpu = on_cpu.to_gpu()
    assert (on_gpu.on_gpu, on_cpu.on_gpu) == (True, False)
    assert stand_in[way] == 1 and sum(stand_in.values()) == 1
    assert (len(on_gpu), on_gpu.dim) == (300, 16)
    (ids, scores), (cpu_ids, cpu_scores) = on_gpu.search(QUERIES, 20), on_cpu.search(QUERIES, 20)
    np.testing.assert_allclose(scores, cpu_scores, atol=2e-3)
    assert [set(row) for row in ids] == [set(row) for row in cpu_ids] or way == "flat"
    assert ids[0][0] == cpu_ids[0][0]


def test_places_left_empty_stay_empty_on_the_gpu(stand_in):
    ids = FaissStore.build(IDS, VECTORS, "IDMap,IVF64,Flat").to_gpu().search(QUERIES, 300).ids
    assert all("" in row and {id for id in row if id} <= set(IDS) for row in ids)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("Error in cudaMalloc: out of memory"), "its memory does not suffice"),
        (
            RuntimeError("This index type is not implemented on GPU.\nat line 3"),
            "This index type is not implemented on GPU.",
        ),
    ],
)
def test_an_index_that_the_gpu_cannot_hold_stays_on_the_cpu_and_is_reported(monkeypatch, caplog, error, says):
    def refuse(_):
        raise error

    monkeypatch.setattr(faiss_gpu, "empty_flat", refuse)
    store = FaissStore.build(IDS, VECTORS).to_gpu("images.faiss")
    assert not store.on_gpu
    assert len(store.search(QUERIES, 3).ids[0]) == 3
    assert f"images.faiss is searched on the CPU, as the GPU cannot take it: {says}" in " ".join(caplog.text.split())


def test_more_than_a_gpu_can_find_is_reported(stand_in):
    many = [content_id(str(i)) for i in range(2100)]
    on_gpu = FaissStore.build(many, unit(2, 2100)).to_gpu()
    assert len(on_gpu.search(QUERIES, 2048).ids[0]) == 2048
    with pytest.raises(QueryError, match="at most 2,048"):
        on_gpu.search(QUERIES, 2049)


def test_threads_search_the_gpu_one_at_a_time():
    inside, most = [], []

    class Watched:
        ntotal, d = 300, 16

        def search(self, queries, k):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()
            return np.zeros((len(queries), k), np.float32), np.zeros((len(queries), k), np.int64)

    on_gpu = FaissStore(faiss_gpu.OnGpu(Watched(), np.arange(300)))
    threads = [threading.Thread(target=on_gpu.search, args=(QUERIES, 3)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 8 and max(most) == 1


def test_a_gpu_that_is_only_lent_is_not_used(monkeypatch):
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    assert gpu_count() == int(hasattr(faiss, "StandardGpuResources"))
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert gpu_count() == 0


def test_vectors_come_back_from_the_gpu(stand_in):
    on_gpu = FaissStore.build(IDS, VECTORS).to_gpu()
    np.testing.assert_allclose(on_gpu.vectors([IDS[5], IDS[0]]), VECTORS[[5, 0]], atol=1e-3)
