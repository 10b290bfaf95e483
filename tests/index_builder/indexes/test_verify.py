import dataclasses
import json

import pytest

import index_builder.indexes.verify
from index_builder.indexes.verify import verify
from safeclip.errors import GalleryError
from safeclip.profiles import load_profile
from safeclip.retrieval.manifest import Manifest


@pytest.fixture
def check(run, tmp_path, tiny_profile, tiny_gallery, tiny_encoders, monkeypatch):
    """Verify the index that `run` built; returns the faults by what they are about."""
    monkeypatch.setattr(index_builder.indexes.verify, "EncoderSet", lambda seats, device: tiny_encoders)
    run()

    def faults(gallery=tiny_gallery) -> dict[str, str]:
        found = verify(load_profile(tiny_profile), gallery, tmp_path / "index")
        assert [finding.about for finding in found] == ["original", "safe", "ours", "map"]
        return {finding.about: finding.fault for finding in found if finding.fault}

    return faults


def test_a_whole_index_has_no_fault(check, run, rows):
    assert check() == {}
    run(remove=(rows[0]["image_id"],))
    assert check() == {}


def test_each_damage_is_told_on_its_own_seat(check, tmp_path):
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
