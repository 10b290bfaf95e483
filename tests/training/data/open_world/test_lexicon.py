import json
import tomllib

import pytest

from tests.fakes.language import write_wordnet
from training.data.language.cldr import LANGUAGES, EmojiNames
from training.data.language.wordnet import WordNet
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.language.lexicon import SENSES, Lexicon

NAMES = {
    "de": {"🧑‍🍳": "Koch/Köchin", "🐕": "Hund", "🐶": "Hundegesicht", "☂": "Regenschirm"},
    "fr": {"🧑‍🍳": "cuisinier (tous genres)", "🐕": "chien"},
}


@pytest.fixture
def lexicon(tmp_path):
    def make(senses: str = "[senses]\n[none]\nnames = []\n[cldr]\ndog = '🐕'\n") -> Lexicon:
        for language in LANGUAGES:
            rows = {emoji: {"tts": [name]} for emoji, name in NAMES.get(language, {}).items()}
            path = tmp_path / "annotations" / language / "annotations.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"annotations": {"annotations": rows}}))
        (tmp_path / "senses.toml").write_text(senses)
        wordnet = WordNet(write_wordnet(tmp_path / "dict"))
        return Lexicon(catalogue(), wordnet, EmojiNames(tmp_path / "annotations"), tmp_path / "senses.toml")

    return make


def test_the_first_sense_is_taken_unless_another_one_was_chosen(lexicon):
    dog = catalogue().by_name["dog"]
    assert lexicon().sense(dog).gloss == "a tame animal"
    chosen = lexicon("[senses]\ndog = 'dog 2'\n[none]\nnames = []\n[cldr]\n")
    assert chosen.sense(dog).gloss == "a metal support for logs"
    none = lexicon("[senses]\n[none]\nnames = ['dog']\n[cldr]\n")
    assert none.sense(dog) is None


def test_a_chosen_sense_that_wordnet_lacks_is_named(lexicon):
    with pytest.raises(ValueError, match="no sense 3 of 'dog', chosen for 'dog'"):
        lexicon("[senses]\ndog = 'dog 3'\n[none]\nnames = []\n[cldr]\n").sense(catalogue().by_name["dog"])


def test_definitions_are_those_of_concepts_that_wordnet_knows(lexicon):
    told = {concept.name: gloss for concept, gloss in lexicon().definitions()}
    assert told["cook"] == "someone who cooks food"
    assert set(told) <= {"cook", "dog", "spoon", "soup", "police officer"}


def test_names_in_other_languages(lexicon):
    found = {(t.language, t.text): t.english for t in lexicon().translations()}
    assert found == {
        ("de", "Koch"): "cook",
        ("de", "Köchin"): "cook",
        ("de", "Hund"): "dog",
        ("de", "Regenschirm"): "umbrella",
        ("fr", "cuisinier"): "cook",
        ("fr", "chien"): "dog",
    }


def test_synonyms_leave_out_what_the_tables_name(lexicon):
    assert lexicon().synonyms(catalogue().by_name["cook"]) == ()


def test_the_table_of_senses_names_concepts_alone():
    table = tomllib.loads(SENSES.read_text(encoding="utf-8"))
    named = {*table["senses"], *table["none"]["names"], *table["cldr"]}
    assert named <= set(catalogue().by_name)
    for chosen in table["senses"].values():
        assert int(chosen.rpartition(" ")[2]) >= 1
