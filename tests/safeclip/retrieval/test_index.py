"""Opening an index: the ways in which it refuses, and the kinds of stores behind it."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from safeclip.errors import IndexCorruptError, IndexMismatchError, ManifestError
from safeclip.hashing import file_sha256
from safeclip.retrieval import stores
from safeclip.retrieval.index import open_index
from safeclip.retrieval.manifest import Manifest
from safeclip.retrieval.stores.store import Nearest, StoreKind


@pytest.fixture
def directory(tiny_lab, tmp_path):
    """A copy of the original's index that a test may damage."""
    return shutil.copytree(Path(tiny_lab.profile.retrieval.index) / "original", tmp_path / "original")


@pytest.fixture
def encoder(tiny_lab):
    return tiny_lab.encoders["original"]


def open_both(directory, encoder):
    return [open_index(directory, name, encoder) for name in ("images", "captions")]


def test_an_index_is_found_as_it_was_saved(directory, encoder, tiny_lab):
    images, captions = open_both(directory, encoder)
    items = tiny_lab.gallery.items
    for item in items:
        ids, scores = captions.search(encoder.encode_texts([item.caption]), 1)
        assert ids == [[item.caption_id]]
        assert scores[0, 0] == pytest.approx(1, abs=2e-3)
        image = tiny_lab.gallery.image(item.image_id)
        assert images.search(encoder.encode_images([image]), 1).ids == [[item.image_id]]


def test_another_encoder_is_refused(directory, tiny_lab):
    with pytest.raises(IndexMismatchError, match="“original” was built by another encoder"):
        open_index(directory, "images", tiny_lab.encoders["safe"])


def test_a_truncated_file_is_refused(directory, encoder):
    path = directory / "images.faiss"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IndexCorruptError, match="images.faiss: the file is truncated"):
        open_index(directory, "images", encoder)
    open_index(directory, "captions", encoder)  # the other file is whole


def test_a_damaged_index_is_built_again_where_it_lies(directory, tiny_lab, encoder):
    (directory / "images.faiss").unlink()
    with pytest.raises(IndexCorruptError, match=f"index_builder --profile NAME --output {directory.parent}, NAME"):
        open_index(directory, "images", encoder)
    other = dataclasses.replace(Manifest.read(directory), gallery={"fingerprint": "another"})
    places = f"--gallery {tiny_lab.gallery.path} --output {directory.parent}, NAME"
    with pytest.raises(IndexMismatchError, match=f"--profile NAME {places}"):
        other.verify_gallery(tiny_lab.gallery, directory)


def test_an_edited_manifest_is_refused(directory, encoder):
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"encoder_fingerprint": encoder.fingerprint[::-1]}))
    with pytest.raises(ManifestError, match="edited after it was written"):
        open_index(directory, "images", encoder)


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
def test_a_damaged_file_is_reported(directory, encoder, damage, says):
    damage(directory / "captions.faiss")
    with pytest.raises(IndexCorruptError, match=f"captions.faiss: .*{says}"):
        open_index(directory, "captions", encoder)


def test_a_verified_file_that_faiss_cannot_read_is_reported(directory, encoder):
    (directory / "images.faiss").write_bytes(b"no index")
    manifest = Manifest.read(directory)
    files = dict(manifest.files)
    files["images.faiss"] = {"sha256": file_sha256(directory / "images.faiss"), "bytes": 8, "count": 12}
    dataclasses.replace(manifest, files=files).write(directory)
    with pytest.raises(IndexCorruptError, match="FAISS cannot read"):
        open_index(directory, "images", encoder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": 1}'])
def test_an_unreadable_manifest_is_reported(directory, text):
    (directory / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.read(directory)


def test_a_missing_manifest_and_one_of_another_version_are_reported(directory, tmp_path):
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


# --- kinds of stores


class ListStore:
    """Toy store: vectors in a JSON file, compared one by one."""

    def __init__(self, rows):
        self.rows = {id: np.array(vector, np.float32) for id, vector in rows.items()}
        self.dim = len(next(iter(self.rows.values())))
        self.metadata = {"store": "list", "count": len(self.rows)}

    def __len__(self):
        return len(self.rows)

    def search(self, queries, k):
        scores = queries @ np.stack(list(self.rows.values())).T
        order = np.argsort(-scores, axis=1)[:, :k]
        keys = list(self.rows)
        return Nearest([[keys[i] for i in row] for row in order], np.take_along_axis(scores, order, 1))

    def vectors(self, ids):
        return np.stack([self.rows[id] for id in ids])


def open_list(directory, name, manifest, use_gpu):
    return ListStore(json.loads((directory / f"{name}.json").read_text()))


def test_a_new_kind_of_store_is_one_declaration_and_one_entry(monkeypatch, directory, encoder, tiny_lab):
    monkeypatch.setitem(stores.STORES, "list", StoreKind("list", open_list))
    faiss_store = open_index(directory, "images", encoder, use_gpu=False)
    ids = [item.image_id for item in tiny_lab.gallery.items]
    rows = dict(zip(ids, faiss_store.vectors(ids).tolist(), strict=True))
    (directory / "images.json").write_text(json.dumps(rows))
    dataclasses.replace(Manifest.read(directory), store="list").write(directory)
    queries = encoder.encode_texts(["a dog", "a bomb"])
    assert open_index(directory, "images", encoder).search(queries, 12).ids == faiss_store.search(queries, 12).ids


def test_an_unknown_kind_of_store_lists_the_known_ones(directory, encoder):
    dataclasses.replace(Manifest.read(directory), store="cloud").write(directory)
    with pytest.raises(ManifestError, match="no kind of index store “cloud”. Known kinds: faiss"):
        open_index(directory, "images", encoder)


def test_vectors_of_another_width_are_refused(monkeypatch, directory, encoder):
    narrow = StoreKind("faiss", lambda *_: ListStore({"0" * 16: [1.0, 0.0]}))
    monkeypatch.setitem(stores.STORES, "faiss", narrow)
    with pytest.raises(IndexMismatchError, match="images are 2 wide, the encoder's 16"):
        open_index(directory, "images", encoder)


def test_the_manifest_of_a_faiss_index_does_not_speak_of_stores(directory):
    """Manifests that were written before there were several kinds keep their digest."""
    manifest = Manifest.read(directory)
    assert manifest.store == "faiss"
    assert "store" not in json.loads((directory / "manifest.json").read_text())
    assert dataclasses.replace(manifest, store="list").digest != manifest.digest
