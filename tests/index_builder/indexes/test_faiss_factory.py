"""Indexes behind a PCA: vectors that lie in few directions lose nothing, and a score stays a cosine."""

import numpy as np

from index_builder.indexes.faiss_factory import empty_index, fill, train
from safeclip.retrieval.stores.faiss_store import FaissStore

WIDTH, RANK, COUNT = 32, 8, 400


def vectors() -> np.ndarray:
    """Unit vectors far from the origin on one side, as those of CLIP, in RANK of WIDTH directions."""
    rng = np.random.default_rng(0)
    found = (rng.normal(size=(COUNT, RANK)) + 2) @ np.linalg.qr(rng.normal(size=(WIDTH, RANK)))[0].T
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def filled(factory: str) -> FaissStore:
    index = empty_index(factory, WIDTH)
    elsewhere = 2 * np.eye(WIDTH, dtype=np.float32)  # queries have directions that no row has
    train(index, factory, vectors(), elsewhere)
    return fill(index, [(np.arange(1, COUNT + 1), vectors())])


def test_a_pca_of_as_many_directions_as_the_vectors_have_keeps_every_cosine(tmp_path):
    filled(f"IDMap,PCA{RANK},Flat").save(tmp_path / "kept.faiss")
    store, queries = FaissStore.read(tmp_path / "kept.faiss"), vectors()[:20]
    found = store.search(queries, 10)
    cosines = np.sort(queries @ vectors().T, axis=1)[:, :-11:-1]
    assert np.allclose(found.scores, cosines, atol=1e-5)
    assert np.allclose(store.vectors([f"{1:016x}", f"{2:016x}"]), vectors()[:2], atol=1e-5)


def test_its_file_does_not_keep_the_directions_that_are_left_out(tmp_path):
    filled(f"IDMap,PCA{RANK},Flat").save(tmp_path / "kept.faiss")
    rows, directions = COUNT * (8 + 4 * RANK), 4 * WIDTH * RANK
    assert (tmp_path / "kept.faiss").stat().st_size < rows + directions + 4 * WIDTH * (WIDTH - RANK)
