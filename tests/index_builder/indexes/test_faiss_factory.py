"""Indexes behind a PCA: vectors that lie in few directions lose nothing, and a score stays a cosine."""

import numpy as np
import pytest

from index_builder.errors import BuildError
from index_builder.indexes.faiss_factory import efforts, empty_index, fill, train
from index_builder.indexes.plan import IndexPlan
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


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (IndexPlan(factory="IDMap,IVF4096,Flat"), "2,020 rows cannot train"),
        (IndexPlan(factory="IDMap,IVF0,Flat"), "cannot train"),
        (IndexPlan(factory="IDMap,IDMap,Flat"), "cannot add 512 vectors to such an index"),
        (IndexPlan(factory="IDMap,NSG16,Flat"), "cannot add 20 vectors to such an index"),
        (IndexPlan(factory="IDMap,HNSW1"), "too few links: write HNSW2"),
        (IndexPlan(factory="IDMap,OPQ4,HNSW16_PQ4"), "are no inner products"),
        (IndexPlan(factory="IDMap,PCA0,Flat"), "keeps nothing of a vector"),
        (IndexPlan(factory="IDMap,PCAW8,Flat"), "are no inner products: whitening"),
        (IndexPlan(factory="IDMap,ITQ8,Flat"), "are no inner products: whitening"),
        (IndexPlan(factory="Flat"), "must begin with “IDMap,”"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_embedded(plan, message):
    with pytest.raises(BuildError, match=message):
        plan.check({"images": 2000, "captions": 20}, WIDTH)


@pytest.mark.parametrize("factory", ["IDMap,IVF64,PQ8", "IDMap,IVF16(RCQ2x4),Flat"])
def test_a_factory_with_more_centroids_than_rows_is_refused_at_once(factory):
    with pytest.raises(BuildError, match="120 rows cannot train"):
        IndexPlan(factory=factory).check({"images": 100, "captions": 20}, WIDTH)


@pytest.mark.parametrize("rows", [200, 100_000])  # few are rehearsed, and many are not
@pytest.mark.parametrize("factory", [f"IDMap,PCA{2 * WIDTH},Flat", "IDMap,OPQ7,Flat", "IDMap,OPQ4_30,IVF16,Flat"])
def test_a_factory_that_does_not_fit_the_width_is_refused_for_any_number_of_rows(factory, rows):
    with pytest.raises(BuildError, match=f"{factory}' does not fit the width"):
        IndexPlan(factory=factory).check({"images": rows, "captions": 200}, WIDTH)


def test_images_and_captions_share_the_memory_of_a_check_as_of_a_build():
    """Either alone would fit."""
    alone = IndexPlan("auto", memory=100_000)
    alone.check({"images": 2000}, WIDTH)
    with pytest.raises(BuildError, match="the budget is"):
        alone.check({"images": 2000, "captions": 2000}, WIDTH)


def test_the_effort_of_a_graph_behind_a_transform_is_raised_too():
    assert next(efforts(empty_index("IDMap,PCA8,HNSW16", WIDTH)))() == "efSearch=16"
