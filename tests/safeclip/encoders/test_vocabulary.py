import pytest

from safeclip.encoders import Encoder
from safeclip.encoders.vocabulary import Thesaurus, Vocabulary
from safeclip.paths import resolve

KNOWN = Vocabulary(
    ["a", "the", "chef", "holding", "knife", "spoon", "in", "kitchen", "bicycle", "t", "shirt", "kite", "witch"]
)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a chef holding a knife in the kitchen", []),
        ("A CHEF, holding: the knife!", []),
        ("the chef's t-shirt", []),
        ("“knife”… (kite)", []),
        ("knife,spoon/kite", []),
        ("a zebra and a Zebra", ["zebra", "and"]),
        ("", []),
        (" ,;… ", []),
        ("料理人", ["料理人"]),
        ("шеф-повар, нож", ["шеф-повар", "нож"]),
        ("रसोइया चाकू", ["रसोइया", "चाकू"]),
        ("a 🔪", ["🔪"]),
        ("mother-in-law", ["mother-in-law"]),
    ],
)
def test_unknown_words_are_named_once_and_in_order(text, unknown):
    assert KNOWN.unknown(text) == unknown


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("knives", "knife"), ("bicycles", "bicycle"), ("kitch", "kitchen"), ("CHEFF", "chef")],
)
def test_the_nearest_known_word_comes_first(word, nearest):
    assert KNOWN.near(word)[0] == nearest


def test_nothing_is_near_to_a_word_of_another_script():
    assert KNOWN.near("料理人") == []


def test_a_short_word_is_not_the_beginning_of_every_other():
    assert "the" not in KNOWN.near("t", n=20)


def test_at_most_n_are_named():
    many = Vocabulary(f"word{i}" for i in range(20))
    assert many.near("word1", n=3) == ["word1", "word10", "word11"]
    assert len(many.near("word", n=5)) == 5


def test_a_checkpoint_without_a_vocabulary_has_none(tmp_path, tiny_clip):
    assert Vocabulary.open(tmp_path) is None
    assert "kitchen" in Vocabulary.open(tiny_clip).words


@pytest.fixture(scope="module")
def thesaurus():
    """Of the embedded world's words, by the embedded tower that learnt English."""
    return Thesaurus(Vocabulary.open(resolve("zoo/open-clip")), resolve("zoo/open-clip"))


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("rifle", "gun"),
        ("cocaine", "heroin"),
        ("sword", "swords"),
        ("murder", "deadly"),
        ("kinfe", "knife"),
        ("chefs", "chef"),
    ],
)
def test_a_word_of_english_is_found_by_meaning_and_a_misspelt_one_by_spelling(thesaurus, word, nearest):
    assert thesaurus.near(word)[0] == nearest


@pytest.mark.parametrize("word", ["un", "lorry", "very", "xyzzy", "料理人"])
def test_what_has_to_do_with_no_known_word_is_near_to_none(thesaurus, word):
    assert thesaurus.near(word) == []


def test_a_tower_that_cannot_be_loaded_leaves_spelling(tmp_path, caplog):
    without = Thesaurus(KNOWN, tmp_path / "none")
    assert without.near("cheff") == ["chef"] and "by spelling alone" in caplog.text


def test_the_tower_is_loaded_when_a_word_is_looked_up(monkeypatch, tiny_clip):
    loaded = []
    load = Encoder.from_pretrained
    monkeypatch.setattr(Encoder, "from_pretrained", lambda *given, **more: loaded.append(given) or load(*given, **more))
    lazy = Thesaurus(Vocabulary.open(tiny_clip), tiny_clip)
    assert loaded == []
    assert lazy.near("knife") and lazy.near("spoon") is lazy.near("spoon") and len(loaded) == 1
