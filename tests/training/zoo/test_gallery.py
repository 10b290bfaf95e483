import pytest
from datasets import Image, load_dataset

from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery
from training.data.emoji.world.concepts import world
from training.data.emoji.world.splits import Splits
from training.zoo import gallery


@pytest.fixture(scope="module")
def built(artwork, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    gallery.build(folder, artwork, count=6)
    return folder


def test_it_is_a_datasets_repository(built, tmp_path):
    rows = load_dataset(str(built), split="test", cache_dir=str(tmp_path))
    assert len(rows) == 12
    assert rows[0]["image"].size == (320, 320)
    raw = rows.cast_column("image", Image(decode=False))
    for row in raw:
        assert row["image_id"] == content_id(row["image"]["bytes"])
        assert row["caption_id"] == content_id(row["caption"])


def test_rows_alternate_and_know_their_twin(built):
    opened = Gallery.open(built)
    splits = Splits(world())
    for safe, unsafe in zip(opened.items[::2], opened.items[1::2], strict=True):
        assert (safe.unsafe, unsafe.unsafe) == (False, True)
        assert unsafe.twin == safe.twin == safe.image_id
        assert (safe.subject, safe.place, safe.style) == (unsafe.subject, unsafe.place, unsafe.style)
        assert safe.category == "" and unsafe.category == world().by_name[unsafe.object].category
        for item in (safe, unsafe):
            assert splits.of(world().by_name[item.subject], world().by_name[item.object]) == "test"


def test_the_card_credits_the_artwork(built):
    card = (built / "README.md").read_text(encoding="utf-8")
    for credit in ("Apache-2.0", "MIT", "CC-BY-4.0"):
        assert credit in card
    assert "OpenMoji" not in card
    assert Gallery.open(built).license == "cc-by-4.0"


def test_the_same_seed_gives_the_same_images(built, artwork, tmp_path):
    gallery.build(tmp_path, artwork, count=2)
    again, first = Gallery.open(tmp_path), Gallery.open(built)
    assert [item.image_id for item in again.items] == [item.image_id for item in first.items[:4]]
