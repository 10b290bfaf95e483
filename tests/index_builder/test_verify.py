import dataclasses
import json

import pytest

import index_builder.verify
from index_builder.options import FolderOptions
from index_builder.verify import verify
from index_builder.workspace import describe
from safeclip.errors import GalleryError
from safeclip.retrieval.manifest import Manifest


@pytest.fixture
def check(run, tmp_path, tiny_profile, tiny_gallery, tiny_encoders, monkeypatch):
    """Verify the index that `run` built; returns the faults by what they are about."""
    monkeypatch.setattr(index_builder.verify, "EncoderSet", lambda seats, device: tiny_encoders)
    run()

    def faults(gallery=tiny_gallery) -> dict[str, str]:
        options = FolderOptions(str(tiny_profile), gallery=str(gallery), output=str(tmp_path / "index"))
        found = verify(describe(options))
        assert [finding.about for finding in found] == ["original", "safe", "ours", "map", "shards"]
        return {finding.about: finding.fault for finding in found if finding.fault}

    return faults


def test_a_whole_index_has_no_fault(check, run, rows):
    assert check() == {}
    run(remove=(rows[0]["image_id"],))
    assert check() == {}


def test_each_damage_is_reported_on_its_own_seat(check, tmp_path):
    index = tmp_path / "index"
    images = index / "original" / "images.faiss"
    images.write_bytes(images.read_bytes()[:-1])
    manifest = json.loads((index / "safe" / "manifest.json").read_text())
    (index / "safe" / "manifest.json").write_text(json.dumps({**manifest, "dim": 17}))
    (index / "ours" / "captions.faiss").unlink()
    (index / "projection.json").write_text("{}")
    faults = check()
    assert "truncated" in faults["original"] and "edited" in faults["safe"]
    assert "missing" in faults["ours"] and "cannot be read" in faults["map"]


def test_an_index_of_another_encoder_or_gallery(check, tmp_path, rows, gallery_of):
    index = tmp_path / "index"
    (index / "safe").rename(index / "was-safe")
    (index / "ours").rename(index / "safe")
    (index / "was-safe").rename(index / "ours")
    assert {about: "another encoder" in fault for about, fault in check().items()} == {
        "safe": True,
        "ours": True,
    }
    assert "another gallery" in check(gallery_of(rows[:6]))["original"]
    with pytest.raises(GalleryError):
        check(tmp_path)


def test_counts_and_ids_are_compared_with_what_is_stored(check, tmp_path, rows):
    folder = tmp_path / "index" / "ours"
    manifest = Manifest.read(folder)
    files = {name: {**file, "count": file["count"] + 1} for name, file in manifest.files.items()}
    dataclasses.replace(manifest, files=files).write(folder)
    assert "12 vectors, its manifest says 13" in check()["ours"]
    (tmp_path / "index" / "tombstones.json").write_text(json.dumps({"removed": [rows[0]["image_id"]]}))
    assert "1 removed ids are still in it" in check()["original"]


def test_a_flipped_bit_of_any_index_or_shard_is_found(check, tmp_path):
    files = [*(tmp_path / "index").glob("*/*.faiss"), *(tmp_path / "index").glob("shards/*.safetensors")]
    assert len(files) == 6 + 6
    for number, path in enumerate(files):
        whole = path.read_bytes()
        data = bytearray(whole)
        data[(number * len(data)) // len(files)] ^= 1 << number % 8
        path.write_bytes(data)
        assert list(check()) == [path.parent.name]
        path.write_bytes(whole)
    assert check() == {}


def test_a_flipped_bit_or_a_missing_file_of_the_shards_is_found(check, tmp_path):
    shards = tmp_path / "index" / "shards"
    first, second = sorted(shards.glob("*.safetensors"))[:2]
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    assert "1 shards are missing or altered" in check()["shards"] and first.name in check()["shards"]
    second.unlink()
    assert "2 shards are missing or altered" in check()["shards"]
    assert first.exists(), "checking changes nothing"
