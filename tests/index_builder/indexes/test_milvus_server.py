"""What builds leave on a Milvus server, which a fake stands for, and what is said where it refuses."""

import pytest

import index_builder.maintenance.publishing as publishing
from index_builder.errors import BuildError
from index_builder.indexes.milvus_collections import find_places
from index_builder.indexes.plan import IndexPlan
from safeclip.errors import IndexCorruptError
from safeclip.retrieval.stores.milvus_store import Place

from .fake_milvus import ADDRESS, serve_milvus


@pytest.fixture
def server(monkeypatch):
    return serve_milvus(monkeypatch)


def test_a_build_that_ends_early_leaves_no_collection(run, server, tmp_path, monkeypatch):
    run(seats=("safe",), milvus=ADDRESS)
    before = set(server.collections)
    assert len(before) == 2
    server.blind = True
    with pytest.raises(BuildError, match="The collection of safe's images finds"):
        run(seats=("safe",), milvus=ADDRESS)
    assert set(server.collections) == before
    assert {place.collection for place in find_places(tmp_path / "index" / "safe")} == before
    server.blind = False
    run(seats=("safe",), milvus=ADDRESS)
    assert len(server.collections) == 2 and not before & set(server.collections)


def test_the_collections_of_a_build_that_was_killed_are_dropped_by_the_next(run, server, tmp_path):
    staging = tmp_path / "index" / "safe.building"
    staging.mkdir(parents=True)
    Place(ADDRESS, "images_of_a_killed_build").write(staging / "images.milvus.json")
    server.collections["images_of_a_killed_build"] = {}
    run(seats=("safe",), milvus=ADDRESS)
    assert len(server.collections) == 2 and "images_of_a_killed_build" not in server.collections


def test_a_collection_that_cannot_be_dropped_is_named(world, server, capsys):
    assert world.command("build", "--milvus", ADDRESS, "--quiet") == 0
    server.keeps = True
    old = set(server.collections)
    image = next(iter(next(iter(server.collections.values()))))
    assert world.command("remove", f"{image:016x}", "--purge", "--quiet") == 1
    told = capsys.readouterr().err
    assert "could not be dropped" in told and all(f"{name} at {ADDRESS}" in told for name in old)


def test_a_build_into_files_replaces_an_index_of_milvus_that_cannot_be_read(run, tmp_path):
    safe = tmp_path / "index" / "safe"
    safe.mkdir(parents=True)
    Place("milvus.db", "images_safe").write(safe / "images.milvus.json")  # of Milvus Lite
    (safe / "captions.milvus.json").write_text("{")
    with pytest.raises(IndexCorruptError, match="captions.milvus.json: this file names no collection"):
        Place.read(safe / "captions.milvus.json")
    run(seats=("safe",))
    assert (safe / "images.faiss").exists() and not list(safe.glob("*.milvus.json"))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (IndexPlan("hnsw", milvus="lite"), "Milvus is asked for --index flat16, flat32, auto, not for 'hnsw'"),
        (IndexPlan(factory="IDMap,Flat", milvus=ADDRESS), "not for 'IDMap,Flat'"),
        (IndexPlan(milvus="http://root:secret@milvus.example:19530"), "give those as MILVUS_TOKEN"),
    ],
)
def test_options_that_exclude_each_other_are_told_before_anything_is_embedded(server, plan, message):
    with pytest.raises(BuildError, match=message):
        plan.check({"images": 100}, 16)
    IndexPlan(milvus=ADDRESS).check({"images": 100}, 16)


def test_a_client_that_is_missing_is_told_before_anything_is_embedded(monkeypatch):
    monkeypatch.setattr("safeclip.retrieval.stores.milvus_store.find_spec", lambda name: None)
    with pytest.raises(IndexCorruptError, match="client is not installed: pip install"):
        IndexPlan(milvus=ADDRESS).check({"images": 100}, 16)


def test_an_index_on_a_server_is_not_published(world, server, capsys, monkeypatch):
    assert world.command("build", "--milvus", ADDRESS, "--quiet") == 0
    monkeypatch.setattr(publishing, "client", lambda: pytest.fail("the hub was asked"))
    assert world.command("push", "me/mine") == 1
    assert "is in a Milvus server, which cannot be published" in capsys.readouterr().err
