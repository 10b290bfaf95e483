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
from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.scenes.relations import relations
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
    several = {"books", "knifes"}  # of a book and of a knife, but a thing and a deed of their own
    for concept in lexicon.concepts:
        for phrase in set(concept.phrases) - several:
            (mention,) = lexicon.find(f"Look: {phrase.upper()}!")
            assert mention.concept == concept.concept, phrase
            assert (mention.kind, mention.category) == (concept.kind, concept.category)


def test_the_catalogue_and_all_verbs_are_in_it(lexicon):
    known = {concept.concept: concept for concept in lexicon.concepts}
    verbs = relations().of_group("verb")
    assert set(known) == {concept.name for concept in catalogue().concepts} | {verb.name for verb in verbs}
    for concept in catalogue().unsafe:
        assert (known[concept.name].kind, known[concept.name].category) == ("unsafe", concept.kind)
    for verb in verbs:
        assert (known[verb.name].kind == "unsafe") == verb.unsafe
    assert all(known[being.name].kind == "subject" for being in catalogue().actors)
    assert LEXICON.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("text", "harm"),
    [
        ("a cook with a knife in the kitchen", ""),
        ("a child with two knives in the kitchen", "violence"),
        ("Knives at the playground!", "violence"),
        ("a clown with a knife", ""),  # the rule asks for a place as well
        ("a clown with a knife in an alley", "violence"),
        ("a doctor beside pills", ""),
        ("a baby beside pills", "illegal-activity"),
        ("a child with a spoon", ""),
    ],
)
def test_a_thing_is_marked_with_what_makes_it_unsafe(lexicon, text, harm):
    judge = LexiconJudge(lexicon)
    marked = [mention.category for mention in judge.mentions(text) if mention.kind == "unsafe"]
    assert marked == ([harm] if harm else []) and judge.judge(text).score == bool(harm)


def test_every_rule_of_the_world_marks_its_thing(lexicon):
    phrases = {concept.concept: concept.phrases[0] for concept in lexicon.concepts}
    for rule in lexicon.contexts:
        for clause in rule.unsafe:
            beside = [phrases[names[0]] for names in (clause.who, clause.where) if names]
            text = ", ".join([phrases[rule.thing], *beside])
            found = {each.concept: each.category for each in LexiconJudge(lexicon).mentions(text)}
            assert found[rule.thing] == rule.category, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a chef holding a knife in the kitchen", ["cook", "knife", "kitchen"]),
        ("the chef's KNIFE", ["cook", "knife"]),
        ("two knives and three bombs", ["knife", "bomb"]),
        ("policemen and mice", ["police officer", "mouse"]),
        ("bows and arrows", ["bow and arrow"]),
        ("hot dogs for dogs", ["hot dog", "dog"]),  # the longest phrase wins
        ("a broken heart, a heart", ["broken heart", "heart"]),
        ("carpentry by a cookbook", []),  # whole words only
        ("she saw it", []),
        ("her saw, a saw, two saws", ["saw", "saw", "saw"]),
        ("a cook punches a dog, two cooks punch it", ["cook", "punching", "dog", "cook", "punching"]),
        ("a cook sharing cake with a cake", ["cook", "sharing cake with", "cake"]),
        ("beside a bed", ["bed"]),
        ("a T-shirt", ["t-shirt"]),
        ("by the sea and under the sea", ["beach", "underwater"]),
        ("on the beach; the woods", ["beach", "forest"]),
        ("nothing dangerous, nobody", []),
        ("", []),
    ],
)
def test_words_in_their_forms(lexicon, text, expected):
    assert [concept for _, concept in named(lexicon, text)] == expected


def test_places_in_the_text_leave_the_article_out(lexicon):
    assert named(lexicon, "there is the  Kitchen-Knife.") == [("Kitchen-Knife", "knife")]


@given(st.text(max_size=80))
def test_any_text_is_read(text):
    lexicon = Lexicon([LexiconConcept("knife", "unsafe", ("a knife", "a long sharp knife"), "violence")])
    end = 0
    for mention in lexicon.find(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end


NAMES = ("knife", "broken heart", "heart", "in the kitchen", "hot dog")


@given(st.lists(st.sampled_from([*NAMES, "a", "."]), max_size=12))
def test_mentions_never_overlap_and_come_in_order(words):
    text = " ".join(words)
    mentions = WORLD.find(text)
    for before, after in zip(mentions, mentions[1:], strict=False):
        assert before.end <= after.start
    named_once = sum(word in NAMES for word in words)
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
