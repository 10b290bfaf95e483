import contextlib
import dataclasses
import json
import re

import pytest

import index_builder.verify
from index_builder.options import FolderOptions
from index_builder.verify import verify
from index_builder.workspace import describe
from safeclip.errors import GalleryError
from safeclip.retrieval.manifest import Manifest


@contextlib.contextmanager
def flipped(path, share: float, bit: int):
    """In the block, one bit of the file is another, at this share of its length."""
    whole = path.read_bytes()
    data = bytearray(whole)
    data[round(share * len(data))] ^= 1 << bit
    path.write_bytes(data)
    yield
    path.write_bytes(whole)


@pytest.fixture
def check(run, tmp_path, tiny_profile, tiny_gallery, tiny_encoders, monkeypatch):
    """Verify the index that `run` built; returns the faults by what they are about."""
    monkeypatch.setattr(index_builder.verify, "EncoderSet", lambda seats, device: tiny_encoders)
    run()

    def faults(gallery=tiny_gallery) -> dict[str, str]:
        options = FolderOptions(str(tiny_profile), gallery=str(gallery), output=str(tmp_path / "index"))
        found = verify(describe(options))
        assert [finding.about for finding in found] == ["original", "safe", "ours", "map", "shards", "gallery"]
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
        with flipped(path, number / len(files), number % 8):
            assert list(check()) == [path.parent.name]
    assert check() == {}


def test_a_flipped_bit_of_the_map_the_ledger_or_the_gallery_is_found(check, tmp_path, rows, gallery_of):
    drawn, ledger = tmp_path / "index" / "projection.json", tmp_path / "index" / "shards" / "ledger.jsonl"
    digit = drawn.read_text().index("0.") + 2
    for place, bit in ((digit, 0), (drawn.stat().st_size // 2, 1), (drawn.stat().st_size - 9, 0)):
        with flipped(drawn, place / drawn.stat().st_size, bit):
            assert list(check()) == ["map"]
    whole = ledger.read_text()
    ledger.write_text(re.sub(r'"rows": \d+', '"rows": "x"', whole, count=1))
    assert "“rows” is 'x'" in check()["shards"]
    ledger.write_text(whole)
    digit = whole.index('"rows": ') + 8
    with flipped(ledger, digit / ledger.stat().st_size, 0):
        assert list(check()) == ["shards"]
    image = rows[3]["image"]["bytes"]
    gallery = gallery_of([*rows[:3], {**rows[3], "image": {"bytes": image[:-9] + b"?" + image[-8:]}}, *rows[4:]])
    faults = check(gallery)
    assert list(faults) == ["gallery"] and "row 3: the content hashes to" in faults["gallery"]
    assert "1 of the 12 images are so" in faults["gallery"]


def test_a_map_of_an_earlier_version_is_read_and_said_to_have_no_digest(check, tmp_path):
    drawn = tmp_path / "index" / "projection.json"
    drawn.write_text(drawn.read_text().rpartition(',"digest"')[0] + "}\n")
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
