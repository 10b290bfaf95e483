"""The index against exhaustive search in numpy, and the three ways in which it refuses to open."""

import dataclasses
import json
import shutil
import threading
import time
from pathlib import Path

import faiss
import numpy as np
import pytest

import safeclip.retrieval.index
from safeclip.errors import IndexCorruptError, IndexMismatchError, ManifestError, QueryError
from safeclip.hashing import content_id
from safeclip.retrieval.index import VectorIndex, gpu_count, to_gpu
from safeclip.retrieval.manifest import Manifest

IDS = [content_id(f"item {i}") for i in range(300)]


def unit(seed, n, d=16):
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS, QUERIES = unit(0, 300), unit(1, 5)


def test_the_best_are_those_of_exhaustive_search():
    scores, ids = VectorIndex.build(IDS, VECTORS, "IDMap,Flat").search(QUERIES, 10)
    cosines = QUERIES @ VECTORS.T
    order = np.argsort(-cosines, axis=1)[:, :10]
    assert ids == [[IDS[j] for j in row] for row in order]
    np.testing.assert_allclose(scores, np.take_along_axis(cosines, order, 1), atol=1e-6)
    assert scores.dtype == np.float32


def test_half_precision_changes_a_cosine_by_less_than_a_thousandth():
    scores, ids = VectorIndex.build(IDS, VECTORS).search(QUERIES, 300)
    for query, row_scores, row_ids in zip(QUERIES, scores, ids, strict=True):
        exact = {id: float(query @ vector) for id, vector in zip(IDS, VECTORS, strict=True)}
        np.testing.assert_allclose(row_scores, [exact[id] for id in row_ids], atol=1e-3)
        assert sorted(row_ids) == sorted(IDS)
        assert (np.diff(row_scores) <= 0).all()


def test_k_is_at_most_the_size_and_may_be_nothing():
    index = VectorIndex.build(IDS[:3], VECTORS[:3])
    assert (len(index), index.dim) == (3, 16)
    scores, ids = index.search(QUERIES, 1000)
    assert scores.shape == (5, 3)
    assert [len(row) for row in ids] == [3] * 5
    scores, ids = index.search(QUERIES, 0)
    assert scores.shape == (5, 0)
    assert ids == [[]] * 5
    assert index.search(QUERIES[:0], 2)[1] == []


def test_an_approximate_index_leaves_places_empty():
    index = VectorIndex.build(IDS, VECTORS, "IDMap,IVF64,Flat")
    scores, ids = index.search(QUERIES, 300)
    found = [[id for id in row if id] for row in ids]
    assert all(0 < len(row) < 300 and set(row) <= set(IDS) for row in found)


@pytest.mark.parametrize("ids", [IDS[:299], [*IDS[:299], IDS[0]]])
def test_ids_must_be_as_many_and_different(ids):
    with pytest.raises(ValueError, match="all different"):
        VectorIndex.build(ids, VECTORS)


def test_a_factory_without_ids_is_refused():
    with pytest.raises(ValueError, match="IDMap"):
        VectorIndex.build(IDS, VECTORS, "Flat")


@pytest.fixture
def directory(tiny_lab, tmp_path):
    """A copy of the original's index that a test may damage."""
    return shutil.copytree(Path(tiny_lab.profile.retrieval.index) / "original", tmp_path / "original")


@pytest.fixture
def encoder(tiny_lab):
    return tiny_lab.encoders["original"]


def open_both(directory, encoder):
    return [VectorIndex.open(directory, name, encoder) for name in ("images", "captions")]


def test_an_index_is_found_as_it_was_saved(directory, encoder, tiny_lab):
    images, captions = open_both(directory, encoder)
    items = tiny_lab.gallery.items
    for item in items:
        scores, ids = captions.search(encoder.encode_texts([item.caption]), 1)
        assert ids == [[item.caption_id]]
        assert scores[0, 0] == pytest.approx(1, abs=2e-3)
        assert images.search(encoder.encode_images([tiny_lab.gallery.image(item.image_id)]), 1)[1] == [[item.image_id]]


def test_another_encoder_is_refused(directory, tiny_lab):
    with pytest.raises(IndexMismatchError, match="“original” was built by another encoder"):
        VectorIndex.open(directory, "images", tiny_lab.encoders["safe"])


def test_a_truncated_file_is_refused(directory, encoder):
    path = directory / "images.faiss"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IndexCorruptError, match="images.faiss: the file is truncated"):
        VectorIndex.open(directory, "images", encoder)
    VectorIndex.open(directory, "captions", encoder)  # the other file is whole


def test_an_edited_manifest_is_refused(directory, encoder):
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"encoder_fingerprint": encoder.fingerprint[::-1]}))
    with pytest.raises(ManifestError, match="edited after it was written"):
        VectorIndex.open(directory, "images", encoder)


def test_the_three_refusals_are_three_errors():
    kinds = (IndexMismatchError, IndexCorruptError, ManifestError)
    assert all(a is b or not issubclass(a, b) for a in kinds for b in kinds)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip_a_bit, "content of the file has changed"),
        (lambda path: path.write_bytes(path.read_bytes() + b"!"), "too long"),
        (Path.unlink, "missing"),
    ],
)
def test_a_damaged_file_is_told(directory, encoder, damage, says):
    damage(directory / "captions.faiss")
    with pytest.raises(IndexCorruptError, match=f"captions.faiss: .*{says}"):
        VectorIndex.open(directory, "captions", encoder)


def test_a_file_that_the_manifest_vouches_for_but_faiss_cannot_read_is_told(directory, encoder):
    (directory / "images.faiss").write_bytes(b"no index")
    manifest = Manifest.read(directory)
    files = dict(manifest.files)
    from safeclip.hashing import file_sha256

    files["images.faiss"] = {"sha256": file_sha256(directory / "images.faiss"), "bytes": 8, "count": 12}
    dataclasses.replace(manifest, files=files).write(directory)
    with pytest.raises(IndexCorruptError, match="FAISS cannot read"):
        VectorIndex.open(directory, "images", encoder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": 1}'])
def test_an_unreadable_manifest_is_told(directory, text):
    (directory / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.read(directory)


def test_a_missing_manifest_and_one_of_another_version_are_told(directory, tmp_path):
    with pytest.raises(ManifestError, match="there is no manifest"):
        Manifest.read(tmp_path)
    dataclasses.replace(Manifest.read(directory), format=99).write(directory)
    with pytest.raises(ManifestError, match="another version"):
        Manifest.read(directory)


def test_a_manifest_is_read_as_written(directory, tmp_path):
    manifest = dataclasses.replace(Manifest.read(directory), seat="naïve “seat”")
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "original"}
    manifest.verify_files(directory)


@pytest.mark.skipif(gpu_count() == 0, reason="needs a GPU")
def test_the_gpu_finds_what_the_cpu_finds(directory, encoder):
    on_gpu, on_cpu = (VectorIndex.open(directory, "images", encoder, use_gpu=gpu) for gpu in (True, False))
    assert (on_gpu.on_gpu, on_cpu.on_gpu) == (True, False)
    (gpu_scores, gpu_ids), (cpu_scores, cpu_ids) = (index.search(QUERIES, 5) for index in (on_gpu, on_cpu))
    assert gpu_ids == cpu_ids
    np.testing.assert_allclose(gpu_scores, cpu_scores, atol=2e-3)


# --- the way to the GPU, with CPU indexes in the place of the GPU's


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

    monkeypatch.setattr(safeclip.retrieval.index, "_empty_flat_on_gpu", flat)
    monkeypatch.setattr(safeclip.retrieval.index, "_cloned_to_gpu", cloned)
    monkeypatch.setattr(safeclip.retrieval.index, "_CHUNK_ROWS", 64)
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
    on_cpu = VectorIndex.build(IDS, VECTORS, factory)
    on_gpu = VectorIndex(to_gpu(on_cpu._index))
    assert (on_gpu.on_gpu, on_cpu.on_gpu) == (True, False)
    assert stand_in[way] == 1 and sum(stand_in.values()) == 1
    assert (len(on_gpu), on_gpu.dim) == (300, 16)
    (scores, ids), (cpu_scores, cpu_ids) = on_gpu.search(QUERIES, 20), on_cpu.search(QUERIES, 20)
    np.testing.assert_allclose(scores, cpu_scores, atol=2e-3)
    assert [set(row) for row in ids] == [set(row) for row in cpu_ids] or way == "flat"
    assert ids[0][0] == cpu_ids[0][0]


def test_places_left_empty_stay_empty_on_the_gpu(stand_in):
    on_cpu = VectorIndex.build(IDS, VECTORS, "IDMap,IVF64,Flat")
    ids = VectorIndex(to_gpu(on_cpu._index)).search(QUERIES, 300)[1]
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
def test_what_the_gpu_cannot_take_stays_on_the_cpu_and_is_said(monkeypatch, caplog, directory, encoder, error, says):
    def refuse(_):
        raise error

    monkeypatch.setattr(safeclip.retrieval.index, "_empty_flat_on_gpu", refuse)
    index = VectorIndex.open(directory, "images", encoder, use_gpu=True)
    assert not index.on_gpu
    assert len(index.search(QUERIES, 3)[1][0]) == 3
    assert f"images.faiss is searched on the CPU, as the GPU cannot take it: {says}" in " ".join(caplog.text.split())


def test_more_than_a_gpu_can_find_is_told(stand_in):
    many = [content_id(str(i)) for i in range(2100)]
    on_gpu = VectorIndex(to_gpu(VectorIndex.build(many, unit(2, 2100))._index))
    assert len(on_gpu.search(QUERIES, 2048)[1][0]) == 2048
    with pytest.raises(QueryError, match="at most 2,048"):
        on_gpu.search(QUERIES, 2049)


def test_threads_search_the_gpu_one_at_a_time(stand_in):
    on_gpu = VectorIndex(to_gpu(VectorIndex.build(IDS, VECTORS)._index))
    inside, most = [], []

    class Watched:
        ntotal, d = 300, 16

        def search(self, queries, k):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()
            return np.zeros((len(queries), k), np.float32), np.zeros((len(queries), k), np.int64)

    on_gpu._index.index = Watched()
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
