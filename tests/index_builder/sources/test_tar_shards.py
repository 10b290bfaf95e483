"""Tar shards that are cut short, are no tars, or lack files of a sample."""

import io
import json
import tarfile

import pytest

from index_builder.errors import BuildError
from index_builder.options import SourceOptions
from index_builder.sources import open_source
from tests.index_builder.sources.places import IMAGES, ROWS, as_tars, write_tar


def names_and_faults(place) -> list[tuple[str, bool]]:
    return [(item.name, bool(item.fault)) for item in open_source(str(place)).items()]


def test_a_damaged_shard_is_one_fault_and_the_next_is_read(tmp_path):
    folder = as_tars(tmp_path / "shards")
    whole = names_and_faults(folder)
    shard = folder / "00000.tar"
    with tarfile.open(shard) as tar:
        cut = tar.getmembers()[7].offset_data  # in the third sample
    shard.write_bytes(shard.read_bytes()[: cut + 3])
    assert names_and_faults(folder) == [*whole[:2], ("00000.tar", True), *whole[4:]]
    shard.write_bytes(b"no tar, but longer than a header" * 50)
    assert names_and_faults(folder) == [("00000.tar", True), *whole[4:]]
    fault = next(open_source(str(folder)).items()).fault
    assert fault.startswith("the shard cannot be read from here on: ") and "BufferedReader" not in fault
    source = open_source(str(folder))
    assert [item.name for item in source.items(1)] == [name for name, _ in whole[4:]]


def test_a_range_of_shards(tmp_path):
    folder = as_tars(tmp_path / "shards")
    write_tar(folder / "00002.tar", ROWS[:1], first=9)
    source = open_source(f"{folder}/{{00001..00002}}.tar")
    assert [item.data for item in source.items()] == [*IMAGES[4:], IMAGES[0]]
    with pytest.raises(BuildError, match="there is no file with .tar"):
        open_source(f"webdataset:{folder}/none-*.tar")


def test_a_sample_may_lack_its_image_or_have_several(tmp_path):
    fields = {"prompt": "from the json", "punsafe": 0.9, "list": [1]}
    members = [
        ("0.txt", b"words"),
        ("1.mask.png", IMAGES[0]),
        ("1.png", IMAGES[1]),
        ("1.json", json.dumps(fields).encode()),
        ("2.jpg", IMAGES[2]),
        ("2.json", b"{no json"),
    ]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
    lone, masked, plain = open_source(str(tmp_path), SourceOptions(caption_column="prompt")).items()
    assert lone.fault == "the sample has no image: its files are txt"
    assert (masked.data, masked.caption) == (IMAGES[1], "from the json")
    assert masked.metadata == {"prompt": "from the json", "punsafe": 0.9}
    assert (plain.data, plain.caption, plain.metadata) == (IMAGES[2], "", {})
    chosen = list(open_source(str(tmp_path), SourceOptions(image_column="mask.png")).items())
    assert [item.data for item in chosen] == [None, IMAGES[0], None]
