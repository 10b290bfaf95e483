"""Which words of a text name which concepts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeclip.errors import JudgeError
from safeclip.judges.texts.detoxify import Detoxify
from safeclip.judges.texts.lexicon import Lexicon, LexiconConcept
from safeclip.judges.texts.lexicon_judge import LexiconJudge
from safeclip.paths import root
from training.data.emoji.world.concepts import world
from training.zoo import lexicon as written

LEXICON = root() / "zoo" / "lexicon.json"
WORLD = Lexicon.open(LEXICON)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return WORLD


def named(lexicon: Lexicon, text: str) -> list[tuple[str, str]]:
    """(what stands in the text, the concept that it names), in order."""
    return [(text[mention.start : mention.end], mention.concept) for mention in lexicon.find(text)]


def test_the_committed_file_is_what_the_command_writes(tmp_path):
    written.write(tmp_path / "lexicon.json")
    assert (tmp_path / "lexicon.json").read_text() == LEXICON.read_text()


def test_every_phrase_of_the_world_names_its_concept_and_nothing_else(lexicon):
    for concept in world().concepts:
        for phrase in concept.words:
            (mention,) = lexicon.find(f"Look: {phrase.upper()}!")
            assert mention.concept == (concept.backdrop or concept.name), phrase
            assert (mention.kind, mention.category) == (concept.kind, concept.category)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a chef holding a knife in the kitchen", ["chef", "knife", "kitchen"]),
        ("the chef's KNIFE", ["chef", "knife"]),
        ("two knives, three bombs and drops of blood", ["knife", "bomb", "drop of blood"]),
        ("policemen and mice", ["police officer", "mouse"]),
        ("bows and arrows", ["bow and arrow"]),
        ("one cherry, one grape, one sock", ["cherries", "grapes", "socks"]),
        ("hot dogs for dogs", ["hot dog", "dog"]),  # the longest phrase wins
        ("a skull on a skull flag", ["skull", "skull flag"]),
        ("a heart ripped in two, a heart", ["broken heart", "red heart"]),
        ("gunpowder begun by a shotgun", []),  # whole words only
        ("she saw it", []),
        ("her saw, a saw, two saws", ["saw", "saw", "saw"]),
        ("a glass on the table", []),  # glasses are no plural of it
        ("death’s head", ["skull"]),
        ("a T-shirt", ["t-shirt"]),
        ("by the sea and under the sea", ["beach", "underwater"]),
        ("on the beach; the woods", ["beach", "forest"]),
        ("", []),
    ],
)
def test_words_in_their_forms(lexicon, text, expected):
    assert [concept for _, concept in named(lexicon, text)] == expected


def test_places_in_the_text_leave_the_article_out(lexicon):
    assert named(lexicon, "there is the  Butcher-Knife.") == [("Butcher-Knife", "knife")]


@given(st.text(max_size=80))
def test_any_text_is_read(text):
    lexicon = Lexicon([LexiconConcept("knife", "unsafe", ("a knife", "a long sharp knife"), "violence")])
    end = 0
    for mention in lexicon.find(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end


@given(st.lists(st.sampled_from(["knife", "a", "skull flag", "skull", "in the kitchen", "hot dog", "."]), max_size=12))
def test_mentions_never_overlap_and_come_in_order(words):
    text = " ".join(words)
    mentions = WORLD.find(text)
    for before, after in zip(mentions, mentions[1:], strict=False):
        assert before.end <= after.start
    named_once = sum(word in ("knife", "skull flag", "skull", "in the kitchen", "hot dog") for word in words)
    assert len(mentions) == named_once


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "x", "concepts": [{}]}', '{"name": "x", "concepts": 3}'])
def test_a_file_that_is_no_lexicon_is_reported(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_text(content)
    with pytest.raises(JudgeError, match="words.json: this is not a lexicon"):
        Lexicon.open(path)


def test_an_unknown_kind_is_reported(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"name": "x", "concepts": [{"concept": "y", "kind": "odd", "phrases": ["y"]}]}))
    with pytest.raises(JudgeError, match="unknown kind odd"):
        Lexicon.open(path)


def test_a_missing_lexicon_is_reported(tmp_path):
    with pytest.raises(JudgeError, match="cannot be read"):
        LexiconJudge.open(tmp_path / "none.json")


def test_the_lexicon_judges_by_its_unsafe_words(lexicon):
    judge = LexiconJudge(lexicon)
    assert (judge.name, judge.threshold, judge.marks_words) == ("lexicon of ViSU-Emoji", 0.5, True)
    harmless, harmful = judge.judge("a dog with a kite"), judge.judge("a dog with a bomb on the beach")
    assert (harmless.score, harmful.score) == (0.0, 1.0)
    assert [mention.kind for mention in harmful.mentions] == ["subject", "unsafe", "place"]


def test_detoxify_is_asked_for_when_it_is_not_there(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "detoxify", None)
    with pytest.raises(JudgeError, match="pip install detoxify"):
        Detoxify(device="cpu").judge("hello")


def test_detoxifys_score_is_its_toxicity_and_missing_weights_are_reported(monkeypatch):
    import sys
    import types

    class Classifier:
        def __init__(self, kind, device):
            if kind == "far":
                raise OSError("no route to the hub")

        def predict(self, text):
            return {"toxicity": 0.75 if "damn" in text else 0.0, "insult": 1.0}

    monkeypatch.setitem(sys.modules, "detoxify", types.SimpleNamespace(Detoxify=Classifier))
    judge = Detoxify(device="cpu")
    assert judge.judge("damn").score == 0.75 and judge.judge("dear").mentions == ()
    with pytest.raises(JudgeError, match="cannot be had: no route"):
        Detoxify("far", device="cpu").judge("x")
