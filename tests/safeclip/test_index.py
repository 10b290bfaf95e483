"""The index against exhaustive search in numpy, and the three ways in which it refuses to open."""

import dataclasses
import json
import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest

from safeclip.errors import IndexCorruptError, IndexMismatchError, ManifestError
from safeclip.hashing import content_id
from safeclip.index import VectorIndex, gpu_count
from safeclip.manifest import Manifest

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


def test_what_goes_to_a_gpu_is_what_the_file_holds(directory, encoder):
    """The GPU's index is filled with these; on machines without one, at least its input is tested."""
    index = faiss.read_index(str(directory / "images.faiss"))
    vectors, ids = index.index.reconstruct_n(0, index.ntotal), faiss.vector_to_array(index.id_map)
    rebuilt = VectorIndex.build([f"{id:016x}" for id in ids.tolist()], vectors)
    (scores, found), (same_scores, same_found) = (
        each.search(QUERIES, 12) for each in (rebuilt, VectorIndex.open(directory, "images", encoder, use_gpu=False))
    )
    assert found == same_found
    np.testing.assert_array_equal(scores, same_scores)
