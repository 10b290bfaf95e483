"""What all kinds of sources have in common, each over the same seven images."""

import os
import sys

import pytest

from index_builder.errors import BuildError
from index_builder.gallery.importer import import_source
from index_builder.options import SourceOptions
from index_builder.sources import SOURCES, open_source, split_spec
from safeclip.retrieval.gallery import Gallery
from tests.index_builder.sources.places import IMAGES, PLACES, ROWS


@pytest.fixture(scope="module", params=SOURCES)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def place(kind, tmp_path_factory) -> str:
    return str(PLACES[kind](tmp_path_factory.mktemp(kind) / "place"))


def test_the_kind_is_guessed(kind, place):
    assert split_spec(place) == split_spec(f"{kind}:{place}") == (kind, place)


def test_items_come_in_order_with_captions_and_columns(place):
    source = open_source(place)
    items = list(source.items())
    assert [item.data for item in items] == IMAGES
    assert [item.caption for item in items] == [row["caption"] for row in ROWS]
    assert [float(item.metadata["nsfw"]) for item in items] == [row["nsfw"] for row in ROWS]
    assert not any(item.fault for item in items) and len({item.name for item in items}) == len(items)
    assert source.count in (len(items), None) and source.origin == place


def test_reading_goes_on_from_any_position(place):
    source = open_source(place)
    names = [item.name for item in source.items()]
    for skip in range(len(names) + 2):
        assert [item.name for item in source.items(skip)] == names[skip:]


def test_the_first_images_alone(place):
    source = open_source(place, SourceOptions(limit=4))
    assert [item.data for item in source.items()] == IMAGES[:4]
    assert [item.data for item in source.items(3)] == IMAGES[3:4] and not list(source.items(6))
    assert source.count in (4, None) and source.fingerprint != open_source(place).fingerprint


def test_the_fingerprint_is_that_of_the_files(kind, tmp_path):
    place = PLACES[kind](tmp_path / "place")
    first = open_source(str(place)).fingerprint
    assert open_source(str(place)).fingerprint == first
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    if kind in ("folder", "list"):  # their order is that of the names that they list
        text = next(path for path in files if path.suffix in (".jsonl", ".csv"))
        text.write_text(text.read_text().replace("a dog", "a cat"))
    for path in files:
        os.utime(path, (1, 1))
    assert open_source(str(place)).fingerprint != first


def test_a_gallery_is_made_of_it(place, tmp_path):
    counts = import_source(place, tmp_path / "gallery", SourceOptions(unsafe="nsfw >= 0.5", license="cc0-1.0"))
    gallery = Gallery.open(tmp_path / "gallery")
    assert [gallery.image_bytes(item.image_id) for item in gallery.items] == IMAGES
    assert [item.unsafe for item in gallery.items] == [False] * 5 + [True] * 2
    assert counts["rows"] == 7 and gallery.license == "cc0-1.0"


def test_a_package_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "webdataset", None)
    monkeypatch.delitem(sys.modules, "webdataset.tariterators", raising=False)
    monkeypatch.delitem(sys.modules, "index_builder.sources.tar_shards", raising=False)
    with pytest.raises(BuildError, match=r"needs the package webdataset.*pip install 'safeclip-lab\[scale\]'"):
        open_source(str(PLACES["webdataset"](tmp_path / "place")))


def test_a_limit_may_be_beyond_all_numbers_of_rows(tmp_path):
    source = open_source(str(PLACES["folder"](tmp_path / "place")), SourceOptions(limit=10**30))
    assert list(source.items())


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_leaves_something(limit, tmp_path):
    with pytest.raises(BuildError, match="--limit must be at least 1"):
        open_source(str(PLACES["folder"](tmp_path / "place")), SourceOptions(limit=limit))
