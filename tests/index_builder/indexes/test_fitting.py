"""Indexes fitted to stored embeddings: as good as asked for, updated where they can be, or refused."""

import dataclasses
import re
import types

import faiss
import numpy as np
import pytest

from index_builder.errors import BuildError
from index_builder.indexes.assemble import assemble_seat
from index_builder.indexes.choose import Choice
from index_builder.indexes.fitting import Embeddings, fit_index
from index_builder.indexes.plan import IndexPlan
from index_builder.store.selection import Live
from index_builder.store.shard_store import ShardStore
from index_builder.store.shards import Shard
from safeclip.encoders.geometry import Cosine
from safeclip.profiles import Seat

from .vectors import unit, unit_rows

DIM, ROWS = 32, 3000


@pytest.fixture(scope="module")
def encoder():
    """What an index needs to know of an encoder."""
    return types.SimpleNamespace(fingerprint="toy", preprocessing_hash="", dim=DIM, geometry=Cosine())


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    """Images in clusters, and captions near them but beyond a gap, as CLIP embeds them."""
    rng = np.random.default_rng(0)
    images = unit_rows(60, DIM)[rng.integers(0, 60, ROWS)] + 0.5 * unit_rows(ROWS, DIM, seed=1)
    captions = images + 0.4 * unit_rows(ROWS, DIM, seed=2)
    gap = 1.5 * unit_rows(2, DIM, seed=3)
    return {"images": unit(images + gap[0]), "captions": unit(captions + gap[1])}


@pytest.fixture
def embeddings(tmp_path, encoder, vectors):
    """ids → `Embeddings` of a store with the vectors of these rows in shards of 500."""
    store = ShardStore(tmp_path / "shards")
    for modality, matrix in vectors.items():
        for start in range(0, ROWS, 500):
            rows = slice(start, start + 500)
            store.commit(modality, 500, Shard(np.arange(ROWS)[rows], {"toy": matrix[rows]}), ())

    def of(ids=range(ROWS)) -> Embeddings:
        ids = np.array(ids)
        return Embeddings(store, {modality: Live(ids) for modality in vectors}, encoder)

    return of


@pytest.fixture
def assemble(tmp_path, embeddings, encoder):
    """Assembles a seat of the rows with these ids; returns the report."""
    seat = Seat("toy", "Toy", "toy")

    class Gallery(dict):
        fingerprint, license, sources = "f", "", []

    def run(plan, ids=range(ROWS)):
        chosen = embeddings(ids)
        gallery = Gallery(chosen.live)
        return assemble_seat(tmp_path, seat, encoder, chosen.store, gallery, chosen.live, plan)

    return run


def stored(path) -> tuple[faiss.Index, np.ndarray]:
    index = faiss.read_index(str(path))
    return index, faiss.vector_to_array(index.id_map)


@pytest.mark.parametrize("kind", ["flat32", "flat16", "hnsw", "ivf-flat"])
def test_effort_rises_until_both_kinds_of_query_are_answered(kind, embeddings, tmp_path):
    fitted = fit_index(embeddings(), "images", IndexPlan(kind, recall_floor=0.95), "toy", tmp_path / "none")
    assert set(fitted.recall) == {"text", "image"} and min(fitted.recall.values()) >= 0.95
    assert fitted.effort.startswith({"hnsw": "efSearch=", "ivf-flat": "nprobe="}.get(kind, "exhaustive"))
    fitted.index.save(tmp_path / "index.faiss")
    index = faiss.read_index(str(tmp_path / "index.faiss"))
    if kind == "ivf-flat":
        assert f"nprobe={faiss.try_extract_index_ivf(index).nprobe}" == fitted.effort


def test_training_on_texts_beyond_the_gap_would_find_nothing(embeddings, vectors):
    """The reason why texts are moved across the gap before they train an index of images."""
    queries = embeddings().queries["text"]
    truth = np.argsort(-(queries @ vectors["images"].T), axis=1)[:, 0]
    index = faiss.index_factory(DIM, "IVF64,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(np.concatenate([vectors["images"], vectors["captions"]]))
    index.add(vectors["images"])
    naive = (index.search(queries, 1)[1][:, 0] == truth).mean()
    fitted = faiss.index_factory(DIM, "IVF64,Flat", faiss.METRIC_INNER_PRODUCT)
    moved = vectors["captions"] - vectors["captions"].mean(0) + vectors["images"].mean(0)
    fitted.train(np.concatenate([vectors["images"], unit(moved)]))
    fitted.add(vectors["images"])
    assert naive < 0.1 < 0.4 < (fitted.search(queries, 1)[1][:, 0] == truth).mean()


def test_poor_recall_is_refused_and_what_was_there_stays(assemble, tmp_path):
    assemble(IndexPlan("flat16", recall_floor=0.8))
    before = (tmp_path / "toy" / "images.faiss").read_bytes()
    with pytest.raises(
        BuildError, match="toy's images: the index .* finds .* of the true 10 nearest of .* queries; --recall-floor"
    ):
        assemble(IndexPlan(factory="IDMap,PQ2x4", recall_floor=0.8))
    assert (tmp_path / "toy" / "images.faiss").read_bytes() == before
    assert assemble(IndexPlan(factory="IDMap,PQ2x4"))["text_query_recall@10"] < 0.8


def test_an_index_of_every_vector_is_taken_though_vectors_are_nearer_than_half_precision_tells(tmp_path, encoder):
    frames = unit(unit_rows(1, DIM) + 1e-3 * unit_rows(ROWS, DIM, seed=1))
    store = ShardStore(tmp_path / "shards")
    for modality in ("images", "captions"):
        store.commit(modality, ROWS, Shard(np.arange(ROWS), {"toy": frames}), ())
    alike = Embeddings(store, {modality: Live(np.arange(ROWS)) for modality in ("images", "captions")}, encoder)
    fitted = fit_index(alike, "images", IndexPlan("flat16", recall_floor=0.8), "toy", tmp_path / "none")
    assert min(fitted.recall.values()) < 0.8 and len(fitted.index) == ROWS


def test_poor_indexes_are_passed_over_and_the_reason_tells_of_them(assemble, monkeypatch):
    tried = [Choice(name, f"IDMap,{name}", None, "it was asked for") for name in ("PQ2x4", "PQ4x4", "SQ8", "Flat")]
    monkeypatch.setattr(IndexPlan, "candidates", lambda *sizes: tried)
    report = assemble(IndexPlan(recall_floor=0.9))
    assert report["factory"] == "IDMap,SQ8" and report["reason"].startswith("it was asked for; the index 'IDMap,PQ2x4'")
    assert len(re.findall(r"finds [0-8]?\d\.\d% of the true 10", report["reason"])) == 2
    del tried[2:]
    with pytest.raises(BuildError, match="PQ2x4' finds .*PQ4x4' finds .*--recall-floor is 0.9. Choose a larger kind"):
        assemble(IndexPlan(recall_floor=0.9))


def test_rows_are_added_and_removed_without_a_new_training(assemble, tmp_path, monkeypatch, encoder):
    import index_builder.indexes.fitting as fitting

    plan = IndexPlan(factory="IDMap,IVF16,SQfp16", recall_floor=0.9)
    assemble(plan, range(500, 2000))
    trained = []
    monkeypatch.setattr(fitting, "train", lambda *args: trained.append(args))
    report = assemble(plan, range(600, ROWS))
    assert not trained and report["images"] == ROWS - 600
    index, ids = stored(tmp_path / "toy" / "images.faiss")
    assert sorted(ids.tolist()) == list(range(600, ROWS))
    other = dataclasses.replace(plan, factory="IDMap,IVF8,SQfp16")
    with pytest.raises(
        BuildError, match="cannot add"
    ):  # a train that does nothing leaves an index that takes no vectors
        assemble(other)
    assert len(trained) == 1


@pytest.mark.parametrize("kind", ["flat16", "hnsw", "ivf-flat"])
def test_an_updated_index_answers_like_a_new_one(kind, assemble, embeddings, tmp_path, vectors):
    plan = IndexPlan(kind, recall_floor=0.9)
    for ids in (range(1000), range(ROWS), range(0, ROWS, 2)):
        assemble(plan, ids)
    index, stored_ids = stored(tmp_path / "toy" / "images.faiss")
    assert sorted(stored_ids.tolist()) == list(range(0, ROWS, 2))
    fresh = fit_index(embeddings(range(0, ROWS, 2)), "images", plan, "toy", tmp_path / "none").index
    queries = vectors["captions"][:20]
    found = index.search(queries, 10)[1]
    theirs = [[int(id, 16) for id in row] for row in fresh.search(queries, 10).ids]
    assert (found == np.array(theirs)).mean() > (0.999 if kind == "flat16" else 0.9)


@pytest.mark.parametrize(
    "plan", [IndexPlan("ivf-pq8"), IndexPlan("ivf-pq", memory=10_000_000), IndexPlan(factory="IDMap,IVF16,SQfp16")]
)
def test_nothing_to_index_is_no_reason_to_refuse_an_index_that_is_trained(plan, embeddings, tmp_path):
    alone = embeddings()
    alone.live["captions"] = Live(np.empty(0, np.int64))
    fitted = fit_index(alone, "captions", plan, "toy", tmp_path / "none")
    assert len(fitted.index) == 0 and fitted.choice.factory == "IDMap,SQfp16"


def test_too_few_rows_to_train_is_a_clear_error(embeddings, tmp_path):
    with pytest.raises(BuildError, match="rows cannot train.*--index flat16"):
        fit_index(embeddings(range(5)), "images", IndexPlan(factory="IDMap,IVF64,Flat"), "toy", tmp_path / "none")
