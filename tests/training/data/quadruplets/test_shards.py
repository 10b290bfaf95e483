"""Quadruplets in WebDataset's shards, and COCO's annotations as rows."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from webdataset import TarWriter

from tests.fakes.quadruplet_files import save_image
from tests.fakes.toy_recipes import toy_options
from training.data.quadruplets.shards import ShardsSpec
from training.data.quadruplets.tables import rows_of_file
from training.data.sources import DataSpec, open_source
from training.errors import DataError


def write_shard(path: Path, numbers: range) -> None:
    """Complete samples, as the library itself writes them; every fifth lacks its unsafe image."""
    with TarWriter(str(path)) as shard:
        for number in numbers:
            files = {}
            for name, color in (("image", number), ("unsafe_image", 500 + number)):
                save_image(path.parent / "made.png", color)
                files[f"{name}.png"] = (path.parent / "made.png").read_bytes()
            if number % 5 == 4:
                del files["unsafe_image.png"]
            table = {"text": f"a cat {number}", "unsafe_text": f"a bad cat {number}", "category": "violence"}
            shard.write({"__key__": f"part/{number:04}", **files, "json": table})


def opened(folder: Path, split: str):
    spec = DataSpec(webdataset=ShardsSpec(str(folder)))
    return open_source(spec, split, toy_options(folder / "run", folder))


def test_samples_are_rows_wherever_they_lie(tmp_path):
    write_shard(tmp_path / "train-0.tar", range(6))
    write_shard(tmp_path / "train-1.tar", range(6, 9))
    write_shard(tmp_path / "validation.tar", range(20, 22))
    train, validation = opened(tmp_path, "train"), opened(tmp_path, "validation")
    assert [train.item(i).text for i in reversed(range(len(train)))] == [f"a cat {i}" for i in (8, 7, 6, 5, 3, 2, 1, 0)]
    assert [(row.id, row.reason) for row in train.skipped] == [("train-0.tar, part/0004", "unsafe image is missing")]
    assert [validation.item(i).unsafe_text for i in range(2)] == ["a bad cat 20", "a bad cat 21"]
    images = {image.tobytes() for i in range(8) for image in (train.safe_pair(i)[1], train.item(i).unsafe_image)}
    assert len(images) == 16 and train.item(0).category == "violence"


def test_two_files_of_one_name_are_two_images(tmp_path):
    shard = tmp_path / "train.tar"
    write_shard(shard, range(2))
    twice = shard.read_bytes()
    write_shard(shard, range(2, 3))
    other = shard.read_bytes()
    with tarfile.open(shard, "w") as joined:
        for content in (twice, other):
            with tarfile.open(fileobj=io.BytesIO(content)) as part:
                for member in part:
                    member.name = member.name.replace("0002", "0000")
                    joined.addfile(member, part.extractfile(member))
    before = opened(tmp_path, "train")
    assert [before.safe_pair(i)[0] for i in range(3)] == ["a cat 0", "a cat 1", "a cat 2"]
    assert len(set(before.hashes)) == 3 and opened(tmp_path, "train").fingerprint == before.fingerprint


def begin_of(shard: Path, name: str) -> int:
    """Where the header of a file lies in a shard."""
    with tarfile.open(shard) as archive:
        return archive.getmember(name).offset


@pytest.mark.parametrize("name", ["part/0002.image.png", "part/0002.json", "part/0002.unsafe_image.png"])
def test_a_shard_that_is_cut_short_gives_what_it_holds(name, tmp_path):
    shard = tmp_path / "train.tar"
    write_shard(shard, range(4))
    shard.write_bytes(shard.read_bytes()[: begin_of(shard, name) + 520])
    source = opened(tmp_path, "train")
    assert [source.item(i).text for i in range(len(source))] == ["a cat 0", "a cat 1"]
    assert [row.reason for row in source.skipped if row.id == "train.tar"] == ["the shard cannot be read from here on"]


def test_what_follows_a_damaged_header_is_not_lost_in_silence(tmp_path):
    shard = tmp_path / "train.tar"
    write_shard(shard, range(4))
    content = bytearray(shard.read_bytes())
    begin = begin_of(shard, "part/0002.image.png")
    content[begin : begin + 512] = b"\xff" * 512
    shard.write_bytes(content)
    source = opened(tmp_path, "train")
    assert len(source) == 2 and [row.id for row in source.skipped] == ["train.tar"]
    assert source.skipped[0].detail == f"byte {begin:,} begins no file, and more follows"


def test_a_folder_without_shards_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no file that ends in .tar"):
        opened(tmp_path, "train")


def test_cocos_annotations_are_rows_of_captions(tmp_path):
    file = tmp_path / "captions_val2017.json"
    images = [{"id": 7, "file_name": "000000000007.jpg"}]
    annotations = [{"image_id": 7, "caption": "a dog"}, {"image_id": 7, "caption": "a brown dog"}, {"image_id": 8}]
    file.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    assert list(rows_of_file(file)) == [
        {"text": "a dog", "image": "000000000007.jpg"},
        {"text": "a brown dog", "image": "000000000007.jpg"},
        {"text": None, "image": ""},
    ]
