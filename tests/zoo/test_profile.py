"""The profile `emoji` as it is shipped: it opens, finds, and says what is not of its world."""

import dataclasses
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import safeclip
from demo.retrieval.examples import examples
from index_builder.first_start import make_index
from safeclip.index_making import is_due

ROOT = Path(__file__).parents[2]
SEATS = ("original", "safe", "ours")
SHOWN = 24  # images of the part of the gallery that is indexed here


@pytest.fixture(scope="module")
def lab() -> safeclip.Lab:
    return safeclip.open("emoji", device="cpu")


def test_its_columns_say_that_they_are_a_replica(lab):
    assert tuple(seat.key for seat in lab.profile.seats) == SEATS
    assert "replica" in lab.profile.seats[1].label and not lab.profile.real_world
    assert list(lab.profile.model_sections) == ["generation", "captioning"]


def test_there_is_something_to_try_of_every_category_of_its_gallery(lab):
    assert set(lab.gallery.categories()) == {category for category in _examples() if category}


def test_a_word_for_what_nobody_drew_is_named_with_the_nearest_thing(lab):
    (remark,) = lab.remarks.on_text("a walrus on the beach")
    assert "not in this world" in remark and "walrus → seal" in remark


def test_what_it_offers_to_try_is_of_its_world(lab):
    assert examples("emoji", lab.gallery, SEATS)[0].request.text == _examples()["violence"][0]
    for texts in _examples().values():
        for text in texts:
            assert lab.remarks.on_text(text) == () or "walrus" in text


def test_every_seat_answers_from_the_index_that_the_first_start_makes(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("SAFECLIP_CACHE", str(tmp_path / "cache"))
    file, *_ = sorted((lab.gallery.path / "data").glob("*.parquet"))
    (tmp_path / "part" / "data").mkdir(parents=True)
    pq.write_table(pq.read_table(file).slice(0, SHOWN), tmp_path / "part" / "data" / file.name)
    spec = dataclasses.replace(lab.profile.retrieval, gallery=str(tmp_path / "part"), index="")
    part = safeclip.open(dataclasses.replace(lab.profile, retrieval=spec), device="cpu")
    assert is_due(part)
    make_index(part, lambda step: None)
    found = part.retrieval.compare(part.gallery.items[0].caption, k=3)
    assert [len(found[seat].hits) for seat in SEATS] == [3, 3, 3]
    assert part.remarks.on_image(part.gallery.image(part.gallery.items[0].image_id)) == ()


def _examples() -> dict[str, list[str]]:
    file = ROOT / "demo" / "content" / "examples.toml"
    listed = tomllib.loads(file.read_text(encoding="utf-8"))["emoji"]
    return {entry["category"]: entry["texts"] for entry in listed}
