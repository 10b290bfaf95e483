"""What a build makes of a gallery: indexes that find what brute force finds, whatever the gallery's state."""

import dataclasses
import io
import json
import struct
import weakref
import zlib
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import index_builder.store.shard_store
import safeclip
from index_builder.engines import preparing
from index_builder.engines.batches import embed_batch
from index_builder.engines.local import local_engine
from index_builder.errors import BuildError
from index_builder.store.shard_store import ShardStore
from index_builder.store.shards import read_shard, write_shard
from safeclip.encoders import Encoder
from safeclip.errors import IndexCorruptError, IndexMismatchError
from safeclip.hashing import content_id
from safeclip.profiles import load_profile
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.index import open_index
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.projection import EmbeddingMap
from tests.index_builder.outputs import index_bytes


def search(output, seat, encoder, modality, queries, k=5):
    return open_index(output / seat, modality, encoder, use_gpu=False).search(queries, k)


def with_image(row: dict, data: bytes) -> dict:
    return {
        **row,
        "image": {"bytes": data, "path": None},
        "image_id": content_id(data),
        "twin": content_id(data),
    }


def huge_png() -> bytes:
    """A valid beginning of a picture of 60,000 × 60,000 pixels, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 7501))


def test_the_index_finds_what_brute_force_finds(run, tmp_path, tiny_encoders, tiny_gallery, rows):
    report = run()
    gallery = Gallery.open(tiny_gallery)
    for seat, encoder in tiny_encoders.items():
        images = encoder.encode_images([gallery.image(row["image_id"]) for row in rows])
        captions = encoder.encode_texts([row["caption"] for row in rows])
        for modality, vectors, key in (("images", images, "image_id"), ("captions", captions, "caption_id")):
            for queries in (images, captions):
                truth = queries @ vectors.T
                ids, scores = search(tmp_path / "index", seat, encoder, modality, queries, 12)
                places = {row[key]: place for place, row in enumerate(rows)}
                order = np.array([[places[id] for id in found] for found in ids])
                assert np.allclose(scores, np.take_along_axis(truth, order, 1), atol=2e-3)
                assert np.allclose(scores, -np.sort(-truth, axis=1), atol=2e-3)
        manifest = Manifest.read(tmp_path / "index" / seat)
        manifest.verify_gallery(gallery)
        assert manifest.files["images.faiss"]["count"] == report["indexes"][seat]["images"] == 12
        assert report["indexes"][seat]["text_query_recall@10"] >= 0.95
    with pytest.raises(IndexMismatchError):
        open_index(tmp_path / "index" / "safe", "images", tiny_encoders["ours"])
    drawn = EmbeddingMap.read(tmp_path / "index" / "projection.json", tiny_encoders["original"])
    assert set(drawn.images.points) == {row["image_id"] for row in rows}
    assert report == json.loads((tmp_path / "index" / "build_report.json").read_text())
    assert not (tmp_path / "index" / "quarantine.jsonl").exists()


def test_images_are_decoded_and_preprocessed_once_for_all_seats(run, monkeypatch):
    counts = Counter()

    def count(name: str, size) -> None:
        real = getattr(preparing, name)
        monkeypatch.setattr(
            preparing, name, lambda *given, **more: (counts.update({name: size(given)}), real(*given, **more))[1]
        )

    count("open_image", lambda given: 1)
    count("pixels", lambda given: len(given[1]))
    count("tokenize", lambda given: len(given[1]))
    run()
    assert counts == {"open_image": 12, "pixels": 12, "tokenize": 12}


def test_corrupt_images_are_quarantined_with_reasons_and_the_build_goes_on(run, tmp_path, rows, gallery_of):
    sound = rows[1]["image"]["bytes"]
    buffer = io.BytesIO()
    Image.new("RGB", (300, 2)).save(buffer, "PNG")
    bad = {0: b"no picture", 2: sound[:-30], 3: b"", 6: huge_png(), 9: buffer.getvalue()}
    gallery = [with_image(row, bad[place]) if place in bad else row for place, row in enumerate(rows)]
    gallery[11] = {**rows[11], "image": {"bytes": sound, "path": None}}
    gallery[10] = {**rows[10], "image": {"bytes": None, "path": "lost.png"}}
    # Batches of 2 in units of 4: the second batch, with rows 2 and 3, is corrupt as a whole.
    report = run(gallery=gallery_of(gallery), shard_rows=4)
    lines = [json.loads(line) for line in (tmp_path / "index" / "quarantine.jsonl").read_text().splitlines()]
    reasons = {int(line["source"].split()[-1]): line["reason"] for line in lines}
    assert set(reasons) == {0, 2, 3, 6, 9, 10, 11}
    assert all(reasons.values()) and not any("The picture" in reason for reason in reasons.values())
    assert "megapixels" in reasons[6] and "too narrow" in reasons[9]
    assert "no content" in reasons[10] and "damaged" in reasons[11]
    assert {line["modality"] for line in lines} == {"images"}
    assert [line["id"] for line in lines] == [row["image_id"] for row in gallery if row not in rows]
    assert report["counts"]["images"]["quarantined"] == 7
    assert report["indexes"]["ours"]["images"] == 5 and report["indexes"]["ours"]["captions"] == 12


def test_a_unit_without_one_sound_image_is_no_obstacle(run, tmp_path, rows, gallery_of):
    gallery = [with_image(row, b"bad %d" % i) if 3 <= i < 9 else row for i, row in enumerate(rows)]
    report = run(gallery=gallery_of(gallery), shard_rows=3)
    assert report["indexes"]["safe"]["images"] == 6
    assert len(list((tmp_path / "index" / "shards").glob("images-*.safetensors"))) == 2
    again = run(gallery=gallery_of(gallery), shard_rows=3)
    assert again["counts"]["images"] == {**report["counts"]["images"], "embedded_now": 0}


def test_when_nothing_can_be_read_the_old_indexes_stay(run, tmp_path, rows, gallery_of):
    run()
    before = (tmp_path / "index" / "safe" / "images.faiss").read_bytes()
    with pytest.raises(BuildError, match="12 rows are in quarantine"):
        run(gallery=gallery_of([with_image(row, b"bad %d" % i) for i, row in enumerate(rows)]))
    assert (tmp_path / "index" / "safe" / "images.faiss").read_bytes() == before
    with pytest.raises(BuildError, match="no rows"):
        empty = gallery_of(rows, "empty")
        path = next(empty.glob("data/*.parquet"))
        pq.write_table(pq.read_table(path).slice(0, 0), path)
        run(gallery=empty)


def test_a_row_that_failed_is_tried_again(run, tmp_path, rows, gallery_of):
    broken = [{**row, "image": {"bytes": b"?", "path": None}} if i == 4 else row for i, row in enumerate(rows)]
    assert run(gallery=gallery_of(broken))["counts"]["images"]["quarantined"] == 1
    report = run(gallery=gallery_of(rows))
    assert report["counts"]["images"]["embedded_now"] == 1
    assert report["counts"]["images"]["quarantined"] == 0
    assert report["indexes"]["original"]["images"] == 12
    assert not (tmp_path / "index" / "quarantine.jsonl").exists()


def test_an_embedding_that_is_not_finite_is_quarantined(run, tmp_path, rows, monkeypatch):
    embed = Encoder.embed_pixels

    def poisoned(self, pixels, **more):
        vectors = embed(self, pixels, **more)
        vectors[-1] = np.nan
        return vectors

    monkeypatch.setattr(Encoder, "embed_pixels", poisoned)
    report = run(batch_size=4, shard_rows=12)
    assert report["indexes"]["safe"]["images"] == 9
    assert (tmp_path / "index" / "quarantine.jsonl").read_text().count("not finite") == 3


def test_duplicates_are_dropped_and_reported(run, rows, gallery_of):
    report = run(gallery=gallery_of([*rows, rows[2], rows[2], rows[5]]), near=0.999999)
    assert report["duplicates"]["images"] == {rows[2]["image_id"]: 2, rows[5]["image_id"]: 1}
    assert report["duplicates"]["captions"] == {rows[2]["caption_id"]: 2, rows[5]["caption_id"]: 1}
    assert report["counts"]["images"]["duplicate_rows"] == 3
    assert report["indexes"]["safe"]["images"] == report["indexes"]["safe"]["captions"] == 12


def test_near_duplicates_are_reported(run, rows, gallery_of):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(rows[7]["image"]["bytes"])).save(buffer, "PNG")  # the same pixels in other bytes
    copy = with_image(rows[7], buffer.getvalue())
    near = run(gallery=gallery_of([*rows, copy]), near=0.99999)["near_duplicates"]
    assert near["pairs"] == 1 and near["exact"]
    assert set(near["closest"][0][:2]) == {rows[7]["image_id"], copy["image_id"]}
    assert run(near=2.0)["near_duplicates"] is None


def test_appending_embeds_the_new_rows_only_and_equals_a_new_build(run, tmp_path, rows, gallery_of, tiny_encoders):
    run(gallery=gallery_of(rows[:7]))
    report = run(gallery=gallery_of(rows, files=2))
    assert report["counts"]["images"]["embedded_now"] == report["counts"]["captions"]["embedded_now"] == 5
    run(gallery=gallery_of(rows), output=tmp_path / "new")
    encoder = tiny_encoders["safe"]
    queries = encoder.encode_texts([row["caption"] for row in rows])
    for modality in ("images", "captions"):
        ids, scores = search(tmp_path / "index", "safe", encoder, modality, queries, 12)
        new_ids, new_scores = search(tmp_path / "new", "safe", encoder, modality, queries, 12)
        assert ids == new_ids
        assert np.allclose(scores, new_scores, atol=1e-6)
    gone = run(gallery=gallery_of(rows[3:], "smaller"))
    assert gone["counts"]["images"]["embedded_now"] == 0 and gone["indexes"]["safe"]["images"] == 9


def test_a_seat_added_later_costs_its_own_embeddings_only(run, tmp_path, tiny_encoders):
    run(seats=("original", "safe"))
    assert not (tmp_path / "index" / "ours").exists()
    embedded = []

    def watched(task):
        embedded.append([encoder.fingerprint for encoder in task.encoders])
        return local_engine(task)

    run(engine_for=watched)
    assert embedded and all(each == [tiny_encoders["ours"].fingerprint] for each in embedded)
    assert (tmp_path / "index" / "ours" / "manifest.json").exists()


def test_removed_items_are_found_no_more(run, tmp_path, rows, tiny_encoders):
    run()
    image, caption = rows[1]["image_id"], rows[4]["caption_id"]
    report = run(remove=(image, caption))
    assert report["counts"]["images"] == {**report["counts"]["images"], "removed": 1, "embedded_now": 0}
    encoder = tiny_encoders["ours"]
    queries = encoder.encode_texts([rows[1]["caption"]])
    gone = {"images": {image}, "captions": {caption, rows[1]["caption_id"]}}  # that of the image goes with it
    for modality, removed in gone.items():
        found = search(tmp_path / "index", "ours", encoder, modality, queries, 12).ids[0]
        assert len(found) == 12 - len(removed) and removed.isdisjoint(found)
    drawn = EmbeddingMap.read(tmp_path / "index" / "projection.json", tiny_encoders["original"])
    assert image not in drawn.images.points and caption not in drawn.captions.points
    assert run()["indexes"]["ours"]["images"] == 11  # they stay removed
    assert run(restore=(image,))["indexes"]["ours"]["images"] == 12
    assert run(restore=(image,))["indexes"]["ours"]["images"] == 12  # a call that was stopped is given again
    for change in ("remove", "restore"):
        with pytest.raises(BuildError, match="no ffff"):
            run(**{change: ("ffff",)})
    with pytest.raises(BuildError, match="add the seats safe, ours"):
        run(remove=(image,), seats=("original",))


def test_a_damaged_shard_is_embedded_again(run, tmp_path):
    run()
    path = tmp_path / "index" / "shards" / "images-00001.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (path.parent / "images-00099.safetensors").write_bytes(b"of a unit that was never recorded")
    report = run()
    assert report["counts"]["images"]["embedded_now"] == 5 and report["indexes"]["safe"]["images"] == 12
    assert not (path.parent / "images-00099.safetensors").exists()


def test_fresh_embeds_everything(run):
    assert run()["counts"]["images"]["embedded_now"] == 12
    assert run()["counts"]["images"]["embedded_now"] == 0
    assert run(fresh=True)["counts"]["images"]["embedded_now"] == 12


@pytest.mark.parametrize("shard_rows", [1, 4])
def test_never_more_than_one_shard_in_memory(run, monkeypatch, shard_rows):
    matrices, most = [], []

    class Tracked(np.ndarray):
        """A matrix that can be weakly referenced."""

    def track(shard):
        for name, matrix in shard.vectors.items():
            shard.vectors[name] = matrix.view(Tracked)
            matrices.append(weakref.ref(shard.vectors[name]))
        most.append(sum(matrix() is not None for matrix in matrices))
        return shard

    monkeypatch.setattr(index_builder.store.shard_store, "read_shard", lambda *args: track(read_shard(*args)))
    monkeypatch.setattr(
        index_builder.store.shard_store, "write_shard", lambda path, shard: write_shard(path, track(shard))
    )
    run(seats=("original",), shard_rows=shard_rows)
    assert len(most) > 3 * 12 // shard_rows
    # While the next shard is read, the loop variables still hold the one before.
    assert max(most) <= 2


def test_an_engine_that_takes_a_batch_at_a_time_gives_the_same_bytes(run, tmp_path):
    run()
    run(
        output=tmp_path / "mapped",
        engine_for=lambda task: lambda batches: (embed_batch(batch, task) for batch in batches),
    )
    assert index_bytes(tmp_path / "mapped") == index_bytes(tmp_path / "index")


def test_two_builds_cannot_write_to_one_place(run):
    def second(task):
        with pytest.raises(BuildError, match="Another build is writing"):
            run()
        return local_engine(task)

    run(engine_for=second)


def test_invalid_options_are_refused(run, tmp_path):
    for changes, message in (
        ({"seats": ("saef",)}, "no seat saef.*original, safe, ours"),
        ({"shard_rows": 65537}, "from 1 to 65536"),
        ({"batch_size": 0}, "at least 1"),
        ({"factory": "Flat"}, "begin with “IDMap,”"),
        ({"factory": "IDMap,Nonsense"}, "cannot make an index"),
    ):
        with pytest.raises(BuildError, match=message):
            run(**changes)
    assert not list((tmp_path).glob("index/*/*.faiss"))
    (tmp_path / "index" / "tombstones.json").write_text("{")
    for removed in ("abc", ["zz"], [None], ["f" * 24], [-5]):
        (tmp_path / "index" / "tombstones.json").write_text(json.dumps({"removed": removed}))
        with pytest.raises(IndexCorruptError, match="tombstones.json cannot be read"):
            run()


def test_the_store_forgets_temporary_files(tmp_path):
    ShardStore(tmp_path)
    (tmp_path / "images-00000.safetensors.tmp").write_bytes(b"half")
    ShardStore(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".gitignore"}


def test_a_gallery_without_captions_is_searched_for_images_and_says_that_it_has_no_captions(
    run, rows, gallery_of, tiny_profile, tmp_path
):
    gallery = gallery_of([{**row, "caption": "", "caption_id": content_id("")} for row in rows])
    run(gallery=gallery)
    profile = load_profile(tiny_profile)
    places = dataclasses.replace(profile.retrieval, gallery=str(gallery), index=str(tmp_path / "index"))
    lab = safeclip.open(dataclasses.replace(profile, retrieval=places))
    assert [len(found.hits) for found in lab.retrieval.compare("a dog", k=5).values()] == [5, 5, 5]
    found = lab.retrieval.compare("a dog", k=5, search="captions")
    assert found.notes == ("The gallery has no captions to search.",)
    assert [(seat.hits, seat.error) for seat in found.values()] == [((), None)] * 3
