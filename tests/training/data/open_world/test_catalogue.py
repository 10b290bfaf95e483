import shutil
from collections import Counter

import pytest

from training.data.open_world.concepts.catalogue import FOLDER, catalogue, categories, read_catalogue
from training.data.open_world.concepts.concept import CATEGORIES, HUMAN_KINDS
from training.data.open_world.rendering.drawings import NAMES
from training.data.open_world.rendering.flags import FLAGS


def test_the_world_is_as_large_as_promised():
    assert len(catalogue().drawn) >= 600
    assert len(catalogue().unsafe) >= 90
    assert len(catalogue().places) >= 40
    assert set(categories(catalogue())) == set(CATEGORIES)
    assert min(len(concepts) for concepts in categories(catalogue()).values()) >= 12
    assert {concept.kind for concept in catalogue().humans} == set(HUMAN_KINDS)


def test_no_two_concepts_are_drawn_alike():
    looks = Counter((c.emoji, c.draw, c.badge, c.hat, c.flag, c.mark, c.at) for c in catalogue().drawn)
    assert [look for look, count in looks.items() if count > 1] == []


def test_every_drawing_and_flag_that_a_table_names_exists():
    assert {c.draw for c in catalogue().drawn if c.draw} == set(NAMES)
    assert {c.flag for c in catalogue().drawn if c.flag} == set(FLAGS)


@pytest.mark.parametrize(
    ("table", "edit", "message"),
    [
        ("unsafe", ('"pineapple", "avocado", "pear"', '"sabre", "avocado", "pear"'), "'grenade' names 'sabre'"),
        ("unsafe", ('"pineapple", "avocado", "pear"', '"pear", "avocado", "pear"'), "'grenade' needs three"),
        ("unsafe", ('"pineapple", "avocado", "pear"', '"bomb", "avocado", "pear"'), "no safe concept"),
        ("animals", ('wolf = { emoji = "🐺", also', 'wolf = { also'), "'wolf' has neither"),
        ("animals", ('"red fox"', '"hound"'), "two concepts: hound"),
        ("places", ('"on the beach", "by the sea", ', ""), "'beach' needs three phrases"),
        ("attributes", ('"apple", "balloon"', '"apple", "zeppelin"'), "no concepts: zeppelin"),
    ],
)  # fmt: skip
def test_a_faulty_row_is_named(tmp_path, table, edit, message):
    folder = tmp_path / "concepts"
    shutil.copytree(FOLDER, folder)
    path = folder / f"{table}.toml"
    text = path.read_text(encoding="utf-8")
    assert edit[0] in text
    path.write_text(text.replace(*edit), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_catalogue(folder)


def test_only_what_has_a_singular_is_counted():
    named = catalogue().by_name
    assert named["apple"].counts and named["wolf"].counts
    assert not any(named[name].counts for name in ("milk", "scissors", "gambling cards", "handcuffs"))
