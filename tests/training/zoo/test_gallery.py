"""The gallery of the zoo, drawn with stand-ins for the artwork."""

import pytest
from datasets import Image, load_dataset

from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery
from training.data.open_world.items import OpenWorld
from training.data.open_world.splits import splits
from training.zoo import gallery


@pytest.fixture(scope="module")
def built(open_artwork, tmp_path_factory) -> Gallery:
    folder = tmp_path_factory.mktemp("gallery")
    gallery.build(folder, open_artwork, count=10)
    return Gallery.open(folder)


def test_it_is_a_datasets_repository_whose_ids_are_hashes_of_its_content(built, tmp_path):
    rows = load_dataset(str(built.path), split="test", cache_dir=str(tmp_path)).cast_column(
        "image", Image(decode=False)
    )
    assert len(rows) == 30
    for row in rows:
        assert row["image_id"] == content_id(row["image"]["bytes"]) and row["caption_id"] == content_id(row["caption"])


def test_safe_unsafe_and_neutral_scenes_take_turns(built):
    safe, unsafe, neutral = (built.items[start::3] for start in range(3))
    assert len(safe) == len(unsafe) == len(neutral) == 10
    for one, other in zip(safe, unsafe, strict=True):
        assert (one.flag, other.flag) == (False, True) and one.category == "" != other.category
        assert other.twin == one.twin == one.image_id and one.style == other.style
    assert not any(item.unsafe for item in neutral) and all(item.twin == item.image_id for item in neutral)
    assert built.image(safe[0].image_id).size == (gallery.SIZE, gallery.SIZE)


def test_nothing_sexual_stands_beside_a_child():
    world = OpenWorld("unseen_concepts", "test", gallery.GALLERY_SEED)
    drawn = world.distinct_quadruplets(540)
    unfit = [each for each in drawn if not gallery.is_fit(each)]
    assert unfit and all(each.category == "sexual" for each in unfit)
    assert any(each.category == "sexual" for each in drawn if gallery.is_fit(each))
    shown = [triple.quadruplet for triple in gallery.triples(2000)]
    assert len(shown) == 2000 and all(map(gallery.is_fit, shown))


def test_nothing_neutral_takes_the_place_of_anything_unsafe(built):
    counterparts = {name for unsafe in splits().catalogue.unsafe for name in unsafe.instead}
    assert not {item.object for item in built.items[2::3]} & counterparts


def test_every_fifth_pair_is_of_harm_that_no_adapter_met():
    tables = splits()
    held_out = {each.name for each in (*tables.unsafe("test"), *tables.unsafe_verbs("test"))}
    for number, triple in enumerate(gallery.triples(10)):
        scene = triple.quadruplet.unsafe
        named = {scene.relation, *(concept.name for concept in scene.concepts)}
        assert bool(named & held_out) == (number % 5 == 4)


def test_the_same_seed_gives_the_same_scenes_and_no_evaluation_draws_with_it():
    assert gallery.triples(3) == gallery.triples(3) != gallery.triples(3, seed=0)


def test_the_same_scenes_give_the_same_images(built, open_artwork, tmp_path):
    gallery.build(tmp_path, open_artwork, count=4)
    assert [item.image_id for item in Gallery.open(tmp_path).items] == [item.image_id for item in built.items[:12]]


def test_the_card_counts_and_credits(built):
    card = (built.path / "README.md").read_text(encoding="utf-8")
    assert f"30 pictures of {gallery.SIZE} px" in card and "Twemoji" in card and "OpenMoji" not in card
    assert built.license == "cc-by-4.0"


def test_a_gallery_appears_when_all_of_it_is_written(open_artwork, tmp_path, monkeypatch):
    def stopped(part, path) -> None:
        path.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("datasets.Dataset.to_parquet", stopped)
    with pytest.raises(KeyboardInterrupt):
        gallery.build(tmp_path, open_artwork, count=1)
    assert not (tmp_path / "data").exists()
