import json

import pytest

from safeclip.encoders.vocabulary import Vocabulary
from safeclip.paths import resolve
from safeclip.profiles import Seat

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


@pytest.mark.parametrize("vocabulary", [[["dog</w>", -1.5]], [3], None])
def test_tokens_that_are_no_table_of_words_leave_the_vocabulary_alone(tmp_path, vocabulary):
    (tmp_path / "vocabulary.txt").write_text("knife\n", encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}), encoding="utf-8")
    assert Vocabulary.open(tmp_path).unknown("knife dog") == ["dog"]


@pytest.mark.parametrize("named", ["somebody/clip", "hf-hub:somebody/clip"])
def test_the_vocabulary_of_a_repository_is_read_once_the_cache_has_it(no_hub, tiny_clip, named):
    seat = Seat("far", "Far", named)
    assert Vocabulary.of(seat) is None
    no_hub.add("somebody/clip", tiny_clip)
    assert Vocabulary.of(seat).words == Vocabulary.of(Seat("near", "Near", str(tiny_clip))).words


@pytest.fixture(scope="module")
def embedded() -> Vocabulary:
    return Vocabulary.open(resolve("zoo/open-clip"))


@pytest.mark.parametrize(("word", "nearest"), [("knief", "knife"), ("clwon", "clown"), ("saxaphone", "saxophone")])
def test_a_misspelt_word_is_unknown_to_the_embedded_tower_and_found_by_spelling(embedded, word, nearest):
    assert embedded.unknown(f"a {word}") == [word] and nearest in embedded.near(word)


def test_words_that_are_one_token_are_known_though_nobody_drew_them(embedded):
    assert embedded.unknown("my grandmother asked the politician about a walrus") == []
    assert "walrus" not in embedded.words, "what is offered instead of a word is drawn"
