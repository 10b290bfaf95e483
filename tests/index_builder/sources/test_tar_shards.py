"""Tar shards that are cut short, are no tars, or lack files of a sample."""

import gzip
import io
import json
import tarfile

import pytest

from index_builder.errors import BuildError
from index_builder.options import SourceOptions
from index_builder.sources import open_source
from tests.index_builder.sources.places import IMAGES, ROWS, as_tars, write_tar


def write_members(shard, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(shard, "w") as tar:
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))


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


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_follows_a_damaged_header_is_not_lost_in_silence(pack, tmp_path):
    folder = as_tars(tmp_path / "shards")
    whole = names_and_faults(folder)
    shard = folder / "00000.tar"
    with tarfile.open(shard) as tar:
        begin = tar.getmembers()[6].offset  # of the third sample
    content = bytearray(shard.read_bytes())
    content[begin : begin + 512] = b"\xff" * 512
    shard.write_bytes(pack(bytes(content)))
    assert names_and_faults(folder) == [*whole[:2], ("00000.tar", True), *whole[4:]]


@pytest.mark.parametrize("name", ["set #1", "why?", "a::b", "x{1,2}"])
def test_a_path_is_no_address(name, tmp_path):
    folder = as_tars(tmp_path / name)
    assert len(names_and_faults(folder)) == len(ROWS) and not any(fault for _, fault in names_and_faults(folder))


@pytest.mark.parametrize("numbers", ["{5..1}", "{0..99999999999}"])
def test_a_range_has_some_files_and_not_too_many(numbers, tmp_path):
    with pytest.raises(BuildError, match="is no range of 1 to 100,000 files. The lesser number stands first"):
        open_source(f"webdataset:{tmp_path}/{numbers}.tar")


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
    write_members(tmp_path / "a.tar", members)
    lone, masked, plain = open_source(str(tmp_path), SourceOptions(caption_column="prompt")).items()
    assert lone.fault == "the sample has no image: its files are txt"
    assert (masked.data, masked.caption) == (IMAGES[1], "from the json")
    assert masked.metadata == {"prompt": "from the json", "punsafe": 0.9}
    assert (plain.data, plain.caption, plain.metadata) == (IMAGES[2], "", {})
    chosen = list(open_source(str(tmp_path), SourceOptions(image_column="mask.png")).items())
    assert [item.data for item in chosen] == [None, IMAGES[0], None]


def test_captions_are_texts_in_utf8_or_utf16_and_of_one_line_where_that_is_wished(tmp_path):
    texts = ["a cup".encode("utf-16"), b"\xef\xbb\xbfa dog\nthat barks", b"caf\xe9"]
    images = [(f"{number}.png", IMAGES[number]) for number in range(3)]
    captions = [(f"{number}.txt", text) for number, text in enumerate(texts)]
    write_members(tmp_path / "a.tar", sorted(images + captions))
    cup, dog, faulty = open_source(str(tmp_path)).items()
    assert (cup.caption, dog.caption) == ("a cup", "a dog\nthat barks")
    assert faulty.data is None and faulty.fault.startswith("the sample's text is not UTF-8")
    assert [item.caption for item in open_source(str(tmp_path), SourceOptions(first_line=True)).items()][1] == "a dog"


def test_shards_hold_images_with_the_suffixes_that_a_folder_holds(tmp_path):
    write_members(tmp_path / "a.TAR", [("0.jfif", IMAGES[0]), ("1.heic", b"photo"), ("2.JPE", IMAGES[2])])
    assert [item.data for item in open_source(str(tmp_path)).items()] == [IMAGES[0], b"photo", IMAGES[2]]


def test_of_two_files_with_one_name_the_first_is_kept_and_the_samples_around_it(tmp_path):
    members = [
        ("0.png", IMAGES[0]),
        ("1.png", IMAGES[1]),
        ("1.png", IMAGES[2]),
        ("1.txt", b"one"),
        ("2.png", IMAGES[2]),
    ]
    write_members(tmp_path / "a.tar", members)
    first, second, repeated, third = open_source(str(tmp_path)).items()
    assert [first.data, second.data, third.data] == IMAGES[:3] and second.caption == "one"
    assert repeated.name == "a.tar 1.png" and repeated.data is None
    assert repeated.fault == "the sample has a file of this name already: this one is left out"


def test_compressed_shards_of_a_folder_are_read_among_the_others(tmp_path):
    write_members(tmp_path / "a.tar", [("0.png", IMAGES[0])])
    for number, suffix in enumerate((".tar.gz", ".tgz"), start=1):
        write_members(tmp_path / "plain", [(f"{number}.png", IMAGES[number])])
        (tmp_path / f"b{number}{suffix}").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    (tmp_path / "plain").unlink()
    assert [item.data for item in open_source(str(tmp_path)).items()] == IMAGES[:3]
    (tmp_path / "a.tar").unlink()
    assert [item.data for item in open_source(str(tmp_path)).items()] == IMAGES[1:3]
    assert [item.data for item in open_source(str(tmp_path / "b1.tar.gz")).items()] == IMAGES[1:2]
