"""Builds into Milvus Lite: the page opens them as it opens FAISS files, and finds the same."""

import json

import pytest

pytest.importorskip("milvus_lite")

from index_builder.errors import BuildError  # noqa: E402
from index_builder.options import FolderOptions  # noqa: E402
from index_builder.verify import verify  # noqa: E402
from index_builder.workspace import describe  # noqa: E402
from safeclip.errors import IndexCorruptError  # noqa: E402
from safeclip.retrieval.index import open_index  # noqa: E402
from safeclip.retrieval.manifest import Manifest  # noqa: E402
from safeclip.retrieval.stores.milvus_store import Place  # noqa: E402


def test_a_build_into_milvus_finds_what_flat_faiss_finds(run, tiny_profile, tiny_encoders, tmp_path, rows):
    seats = ("original", "safe")
    run(index="flat32", seats=seats)
    flat = tmp_path / "index"
    flat.rename(tmp_path / "flat")
    report = run(index="flat32", seats=seats, milvus="lite")
    queries = {seat: tiny_encoders[seat].encode_texts([row["caption"] for row in rows]) for seat in seats}
    for seat in seats:
        manifest = Manifest.read(flat / seat)
        assert (manifest.store, manifest.factory) == ("milvus", "FLAT") and "token" not in json.dumps(manifest.files)
        assert report["indexes"][seat]["text_query_recall@10"] == 1.0
        for modality in ("images", "captions"):
            stored, truth = (
                open_index(folder / seat, modality, tiny_encoders[seat], use_gpu=False).search(queries[seat], 10)
                for folder in (flat, tmp_path / "flat")
            )
            assert stored.ids == truth.ids and abs(stored.scores - truth.scores).max() < 1e-5
    options = FolderOptions(profile=str(tiny_profile), output=str(flat), seats=seats)
    assert [finding.fault for finding in verify(describe(options))] == [None] * 5
    run(index="flat32", seats=seats, milvus="lite", remove=(rows[0]["image_id"],))
    assert len(open_index(flat / "safe", "images", tiny_encoders["safe"])) == 11


def test_a_collection_that_lost_rows_is_refused(run, tiny_encoders, tmp_path):
    run(seats=("safe",), milvus="lite")
    folder = tmp_path / "index" / "safe"
    place = Place.read(folder / "images.milvus.json")
    store = open_index(folder, "images", tiny_encoders["safe"])
    place.connect(folder).delete(place.collection, ids=store.ids()[:1].tolist())
    with pytest.raises(IndexCorruptError, match="holds 11 vectors, not 12"):
        open_index(folder, "images", tiny_encoders["safe"])


def test_a_password_is_not_taken_into_the_address(run):
    with pytest.raises(BuildError, match="give those as MILVUS_TOKEN"):
        run(seats=("safe",), milvus="http://root:secret@milvus.example:19530")


def test_a_kind_of_index_that_milvus_is_not_asked_for(run):
    with pytest.raises(BuildError, match="Milvus is asked for --index flat16, flat32, auto, not for 'hnsw'"):
        run(seats=("safe",), milvus="lite", index="hnsw")
