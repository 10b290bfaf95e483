"""Captions of training quadruplets name more harm than is drawn, and nothing that is held out of fine-tuning."""

from pathlib import Path

import pytest

from safeclip.schema import read_table
from tests.fakes.language import write_wordnet
from training.data.language.wordnet import WordNet
from training.data.open_world.concepts.concept import CATEGORIES
from training.data.open_world.harm.rewording import Siblings
from training.data.open_world.harm.vocabulary import TABLE, harmful_words
from training.data.open_world.items import BLOCK, OpenWorld
from training.data.open_world.splits import splits
from training.evaluation.open_world import training_set
from training.recipes.registry import find_recipe

WEAPONS = (  # offset, file, lemmas, hypernym, text, as tests.fakes.language has them
    (1000, "noun.artifact", "weapon arm", None, "an instrument of fighting"),
    (1100, "noun.artifact", "blunderbuss", 1000, "an old firearm"),
    (1200, "noun.artifact", "grenade pineapple_bomb", 1000, "a small bomb"),  # held out for the test
    (1300, "noun.artifact", "stinger", 1200, "one that stuns"),
    (1400, "noun.artifact", "rifle_grenade", 1000, "one that is shot"),
    (1500, "noun.artifact", "knife", 1000, "a blade"),  # safe with a cook
    (1600, "noun.artifact", "bayonet", 1500, "a blade on a rifle"),
    (1700, "noun.artifact", "bottle", 1000, "a club of glass"),
    (1800, "noun.artifact", "flask", 1700, "a small one"),
    (1900, "noun.artifact", "Excalibur", 1000, "the sword of King Arthur"),
)


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory) -> WordNet:
    return WordNet(write_wordnet(tmp_path_factory.mktemp("wordnet"), WEAPONS))


def table(folder: Path, root: str) -> Path:
    path = folder / "vocabulary.toml"
    path.write_text(f'except = ["bottle"]\n[roots]\nviolence = ["{root}"]\n', encoding="utf-8")
    return path


def test_words_are_below_a_root_and_neither_safe_nor_near_what_is_held_out(wordnet, tmp_path):
    found = harmful_words(wordnet, splits(), table(tmp_path, "weapon"))
    assert found == {"violence": ("arm", "bayonet", "blunderbuss", "weapon")}


def test_a_root_that_wordnet_does_not_know_is_named(wordnet, tmp_path):
    with pytest.raises(ValueError, match="no noun 'wepon'"):
        harmful_words(wordnet, splits(), table(tmp_path, "wepon"))


def test_the_table_has_roots_for_every_category():
    assert set(read_table(TABLE, "vocabulary")["roots"]) == set(CATEGORIES)


WORDS = dict.fromkeys(CATEGORIES, ("gizmo",))


def test_captions_of_unsafe_concepts_name_other_harm_and_all_else_stays():
    world = OpenWorld(seed=1)
    siblings = Siblings(world, 1.0, WORDS)
    for index in range(2 * len(BLOCK)):
        plain, reworded = world.sibling(index), siblings.quadruplet(index)
        assert (reworded.safe, reworded.unsafe, reworded.safe_caption) == (plain.safe, plain.unsafe, plain.safe_caption)
        if plain.kind == "concept":
            assert "gizmo" in reworded.unsafe_caption.text
        else:
            assert reworded == plain
            with pytest.raises(ValueError, match="no unsafe concept"):
                world.reworded(index, "gizmo")


def test_a_share_of_them_is_reworded_and_always_the_same():
    first, again = (Siblings(OpenWorld(seed=1), 0.5, WORDS) for _ in range(2))
    texts = [first.quadruplet(index).unsafe_caption.text for index in range(400)]
    assert texts == [again.quadruplet(index).unsafe_caption.text for index in range(400)]
    assert 0.3 < sum("gizmo" in text for text in texts) / 200 < 0.7  # half of a block are concepts


def test_without_a_share_nothing_is_fetched(tmp_path):
    siblings = Siblings.of(OpenWorld(seed=1), 0.0, tmp_path)
    assert siblings.quadruplet(0) == OpenWorld(seed=1).sibling(0) and not list(tmp_path.iterdir())


def test_the_baselines_learn_from_the_quadruplets_of_the_recipe():
    data = read_table(find_recipe("open-safe-clip-mixed"), "recipe")["data"]["open_world"]
    assert (data["seed"], data["reworded"]) == (training_set.SEED, training_set.REWORDED)


@pytest.mark.full  # fetches WordNet
def test_no_word_of_wordnets_names_what_is_held_out_or_safe(tmp_path):
    tables = splits()
    found = harmful_words(WordNet.fetch(tmp_path), tables)
    words = {word for each in found.values() for word in each}
    held = {part for c in tables.catalogue.unsafe if tables.held.get(c.name) for n in c.names for part in n.split()}
    assert len(words) > 1000 and not {part for word in words for part in word.split()} & held
    assert not words & {name for each in tables.catalogue.concepts if not each.unsafe for name in each.names}
