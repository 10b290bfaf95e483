"""Removing by id and by hash; and that a purge leaves no byte of an image."""

import hashlib
import shutil

import numpy as np
import pytest

from index_builder.maintenance import purging
from index_builder.maintenance.remains import Traces, search
from index_builder.options import FolderOptions
from index_builder.workspace import describe
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.index import open_index
from safeclip.retrieval.stores.tombstones import read_tombstones
from tests.index_builder.images import noise
from tests.index_builder.outputs import stored_ids


def held(world, seat: str = "safe", modality: str = "images") -> set[int]:
    return set(stored_ids(world.output / seat / f"{modality}.faiss").tolist())


def everything(*folders) -> bytes:
    return b"".join(path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("algorithm", ["id", "sha256", "sha1", "md5"])
def test_images_are_found_by_id_and_by_hash(world, tmp_path, algorithm, capsys):
    data = noise(3)
    named = content_id(data) if algorithm == "id" else hashlib.new(algorithm, data).hexdigest()
    assert world.command("remove", named, "--quiet") == 0
    assert int(content_id(data), 16) not in held(world) and len(held(world)) == 7
    assert "1 removed" in capsys.readouterr().out
    listed = tmp_path / "sums.txt"
    sums = [f"{hashlib.sha256(noise(number)).hexdigest()}  {number}.png" for number in (4, 99)]
    listed.write_text("# as sha256sum prints them\n" + "\n".join(sums) + "\n")
    assert world.command("remove", "--list", listed, "--quiet") == 0
    assert len(held(world)) == 6


def test_a_caption_goes_with_the_last_image_that_has_it(world):
    alone, shared = content_id("the picture number 3"), content_id("the picture number 6")  # of images 6 and 7
    assert world.command("remove", content_id(noise(3)), content_id(noise(6)), "--quiet") == 0
    for seat in ("original", "safe", "ours"):
        captions = held(world, seat, "captions")
        assert int(alone, 16) not in captions and int(shared, 16) in captions
    assert world.command("verify") == 0
    shown = Gallery.open(world.gallery, removed=read_tombstones(world.output))
    assert shown.item(shared).image_id == content_id(noise(7))
    assert world.command("remove", content_id(noise(7)), "--quiet") == 0
    assert int(shared, 16) not in held(world, modality="captions")
    assert world.command("build", "--restore", content_id(noise(6)), "--quiet") == 0
    assert int(shared, 16) in held(world, modality="captions")


def test_nothing_is_removed_where_no_image_would_be_left(world, capsys):
    before = held(world)
    ids = [item.image_id for item in Gallery.open(world.gallery).items]
    assert world.command("remove", *ids, "--quiet") == 1
    assert "No image would be left" in capsys.readouterr().err
    assert held(world) == before and not read_tombstones(world.output)


def test_nothing_is_removed_by_an_encoder_that_has_embedded_nothing_here(world, capsys):
    shutil.rmtree(world.output / "shards")
    assert world.command("remove", content_id(noise(3)), "--quiet") == 1
    assert "no embeddings by the encoder of the seat “original”: give `build` first" in capsys.readouterr().err
    assert not read_tombstones(world.output)


@pytest.mark.parametrize("more", [[], ["--purge"]])
def test_indexes_of_another_profile_are_named_before_anything_is_removed(world, more, capsys):
    shutil.copytree(world.output / "ours", world.output / "theirs")
    assert world.command("remove", content_id(noise(3)), *more, "--quiet") == 1
    assert "has some of another profile: theirs" in capsys.readouterr().err
    assert len(held(world)) == 8


def test_what_the_gallery_does_not_hold_is_named(world, capsys):
    assert world.command("remove") == 1
    assert world.command("remove", "0" * 16) == 1
    assert world.command("remove", "0123") == 1
    first, second, third = capsys.readouterr().err.splitlines()[-3:]
    assert "Say what to remove" in first and f"no {'0' * 16}" in second and "'0123' is no hash" in third


def test_a_purge_leaves_no_byte(world, tiny_encoders, capsys):
    data, encoder = noise(7), tiny_encoders["ours"]
    purged, caption = content_id(data), content_id("the picture number 6")
    image, blurred = (Gallery.open(world.gallery).thumbnail(purged, blurred=blurred) for blurred in (False, True))
    vector = open_index(world.output / "ours", "images", encoder, use_gpu=False).vectors([purged])[0]
    stored = everything(world.gallery, world.output)
    probes = [purged.encode(), int(purged, 16).to_bytes(8, "little"), data[-60:-30], image[-40:], blurred[-40:]]
    probes += [vector.astype(np.float16).tobytes()]
    assert all(probe in stored for probe in probes), "the test looks for what was there"
    capsys.readouterr()
    assert world.command("remove", purged, "--purge", "--quiet") == 0
    assert "1 images purged" in (shown := capsys.readouterr().out) and "nothing is left" in shown
    blocked = world.gallery / "blocklist.txt"
    assert blocked.read_text().split() == [purged]
    left = everything(world.gallery, world.output).replace(blocked.read_bytes(), b"")
    assert not any(probe in left for probe in probes)
    assert int(caption, 16) in held(world, modality="captions"), "another image has the same caption"
    assert world.command("verify") == 0 and len(Gallery.open(world.gallery)) == 7
    assert world.command("add", world.images, "--judges", "none", "--quiet") == 0
    assert int(purged, 16) not in held(world), "it does not come back"
    assert world.command("remove", purged, "--purge", "--quiet") == 0, "the same command again finds nothing to do"


def test_a_caption_that_no_other_image_has_is_purged_with_its_image(world, capsys):
    caption = content_id("the picture number 2")
    assert world.command("remove", caption, "--purge") == 1
    assert "is a caption" in capsys.readouterr().err.splitlines()[-1]
    assert world.command("remove", content_id(noise(2)), "--purge", "--quiet") == 0
    assert int(caption, 16) not in held(world, modality="captions")
    assert b"the picture number 2" not in everything(world.gallery, world.output)


def test_a_purge_that_was_stopped_is_finished_by_the_same_command(world, monkeypatch, capsys):
    data, caption = noise(2), content_id("the picture number 2")
    named = hashlib.md5(data).hexdigest()  # which tells nothing of the id once the row is gone

    def stopped(*given) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(purging, "rewrite_shards", stopped)
        assert world.command("remove", named, "--purge", "--quiet") == 130
    assert int(caption, 16).to_bytes(8, "little") in everything(world.output)
    assert world.command("remove", named, "--purge", "--quiet") == 0 and "nothing is left" in capsys.readouterr().out
    left = everything(world.gallery, world.output).replace((world.gallery / "blocklist.txt").read_bytes(), b"")
    for id in (caption, content_id(data)):
        assert int(id, 16).to_bytes(8, "little") not in left and id.encode() not in left


def test_a_list_may_name_what_was_purged_before(world, tmp_path, capsys):
    purged, other = content_id(noise(2)), content_id(noise(3))
    listed = tmp_path / "takedown.txt"
    listed.write_text(f"{purged}\n")
    assert world.command("remove", "--list", listed, "--purge", "--quiet") == 0
    listed.write_text(f"{purged}\n{other}\n")
    assert world.command("remove", "--list", listed, "--quiet") == 0
    assert int(other, 16) not in held(world)


def test_what_a_purge_leaves_is_found(world, tiny_profile):
    """Copies that a purge knows nothing of, as a stopped program leaves them."""
    work = describe(FolderOptions(str(tiny_profile), str(world.gallery), output=str(world.output)))
    numbers = np.array([int(content_id(noise(1)), 16)])
    traces = Traces.collect(work, numbers, np.empty(0, np.int64))
    shards = work.store.shards("images", work.reference.fingerprint)
    vector = next(vectors[ids == numbers][0] for ids, vectors in shards if numbers in ids)
    places = {
        "image.tmp": b"\0" * 1000 + noise(1) + b"\0" * 99,
        "vector.bin": b"123" + vector.tobytes(),
        "ids.bin": b"1" * 5 + numbers.tobytes(),
        "note.txt": f"see {content_id(noise(1))}".encode(),
        "other.png": noise(5),
    }
    copies = world.output / "copies"
    copies.mkdir()
    for name, data in places.items():
        (copies / name).write_bytes(data)
    found = search(traces, (copies,))
    assert {path.rsplit("/", 1)[-1] for path in found.places} == places.keys() - {"other.png"}
    assert found.files == 5


def test_a_copy_in_other_bytes_is_named_and_stays(world, tmp_path, capsys):
    more = tmp_path / "more"
    more.mkdir()
    copy = noise(3, compress_level=1)
    (more / "copy.png").write_bytes(copy)
    assert world.command("add", more, "--judges", "none", "--quiet") == 0
    capsys.readouterr()
    assert world.command("remove", content_id(noise(3)), "--purge", "--quiet") == 0
    assert f"look the same stay: {content_id(copy)}" in capsys.readouterr().out
    assert int(content_id(copy), 16) in held(world) and world.command("verify") == 0


def test_the_last_image_can_be_purged_too(world):
    ids = [item.image_id for item in Gallery.open(world.gallery).items]
    assert world.command("remove", *ids, "--purge", "--quiet") == 0
    assert not (world.output / "safe").exists() and len(Gallery.open(world.gallery)) == 0


def test_a_purge_waits_for_the_end_of_an_import(world, capsys):
    (world.gallery / "importing").mkdir()
    assert world.command("remove", content_id(noise(1)), "--purge") == 1
    assert "not finished" in capsys.readouterr().err.splitlines()[-1]


def test_all_seats_are_purged_together(world, capsys):
    assert world.command("remove", content_id(noise(1)), "--seats", "safe") == 1
    assert "add the seats original, ours" in capsys.readouterr().err.splitlines()[-1]
