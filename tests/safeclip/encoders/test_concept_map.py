"""Words of a query, and images, that a small world has no picture of."""

import json

import pytest

from safeclip.encoders.concept_map import ConceptMap, Remarks
from safeclip.errors import ProfileError, QueryError

NEAREST = {"seal": ["walrus", "sea lion"], "beer": ["brew"], "man": ["policeman", "knight"], "": ["chasm"]}


@pytest.fixture
def concepts() -> ConceptMap:
    return ConceptMap(NEAREST, known=["knight bus", "walrus suit"], verbs=["brew"], image_threshold=0.5)


def pairs(concepts: ConceptMap, text: str) -> list[tuple[str, str]]:
    return [(found.word, found.nearest) for found in concepts.foreign(text)]


def test_nouns_are_told_in_their_order_and_each_once(concepts):
    text = "A knight, two Walruses and a walrus; the knight's chasm."
    assert pairs(concepts, text) == [("knight", "man"), ("walruses", "seal"), ("chasm", "")]
    assert pairs(concepts, "swimming policemen") == [("policemen", "man")]


def test_a_noun_of_two_words_is_one_and_a_known_one_is_drawn(concepts):
    assert pairs(concepts, "two sea lions by the sea") == [("sea lions", "seal")]
    assert pairs(concepts, "the sea, lion") == [], "what stands between them parts them"
    assert pairs(concepts, "three walrus suits on the knight bus") == []


def test_a_verb_is_no_plural(concepts):
    assert pairs(concepts, "he brews a brew") == [("brew", "beer")]
    assert pairs(concepts, "he brews tea") == []


def test_nouns_are_told_from_what_is_none(concepts):
    assert concepts.is_noun("walruses") and concepts.is_noun("knight bus")
    assert not concepts.is_noun("jumping") and pairs(concepts, "jumping 3 gorgeous") == []


def test_what_the_painter_did_not_learn_is_said_of_prompts_alone():
    concepts = ConceptMap(
        {"seal": ["walrus"]}, painted=["fish", "bee house"], unpainted={"fish": ["seal", "sea bird"], "fly": ["bee"]}
    )
    remarks = Remarks(lambda: concepts, lambda image: None)
    assert remarks.on_text("a seal and a walrus") == ("“walrus” is not in this world; nearest: walrus → seal.",)
    assert remarks.on_prompt("two seals, a walrus and a bee house by a fish") == (
        "“walrus” is not in this world; nearest: walrus → fish.",
        "The painter never met “seals”, which the gallery shows; nearest: seals → fish.",
    )
    (told,) = remarks.on_prompt("bees, sea birds")
    assert told.startswith("The painter never met “bees” and “sea birds”, ") and "bees → fly, sea birds → fish" in told


def test_an_image_is_far_below_the_threshold(concepts):
    assert concepts.is_far(0.4) and not concepts.is_far(0.5)
    assert not ConceptMap(NEAREST).is_far(0.0)


def test_remarks_say_the_nearest_by_meaning(concepts):
    remarks = Remarks(lambda: concepts, lambda image: 0.25)
    assert remarks.on_text("a walrus") == ("“walrus” is not in this world; nearest: walrus → seal.",)
    assert remarks.on_text("a chasm") == ("“chasm” is not in this world; nothing in it is near.",)
    (told,) = remarks.on_text("a walrus, a knight in a chasm")
    assert told == ("“walrus”, “knight” and “chasm” are not in this world; nearest: walrus → seal, knight → man.")
    assert remarks.on_text("a seal") == ()


def test_a_far_image_is_called_so_and_faults_say_nothing(concepts):
    def fail(*_):
        raise QueryError("There is no index.")

    assert "cosine of 0.25" in Remarks(lambda: concepts, lambda image: 0.25).on_image(None)[0]
    assert Remarks(lambda: concepts, lambda image: 0.5).on_image(None) == ()
    assert Remarks(lambda: concepts, lambda image: None).on_image(None) == (), "there is no gallery"
    assert Remarks(lambda: concepts, fail).on_image(None) == ()
    assert Remarks(fail, fail).on_text("a walrus") == ()


def test_a_file_reads_back_and_a_faulty_one_is_named(tmp_path):
    file = tmp_path / "concepts.json"
    table = {"nearest": {"seal": "walrus, sea lion"}, "known": "", "verbs": "", "image_threshold": 0.25}
    file.write_text(json.dumps(table))
    read = ConceptMap.open(file)
    assert read.image_threshold == 0.25 and pairs(read, "a sea lion") == [("sea lion", "seal")]
    for content in ("[1]", "{", '{"nearest": {}}', '{"nearest": {"seal": 1}}'):
        file.write_text(content)
        with pytest.raises(ProfileError, match="concepts.json: these are no concepts"):
            ConceptMap.open(file)


def test_words_that_the_text_tower_never_met_are_told_and_alone_they_are_chance():
    concepts = ConceptMap({"seal": ["walrus"]}, known=["seal"])
    remarks = Remarks(
        lambda: concepts, lambda image: None, lambda text: [w for w in text.split() if w in ("hund", "mit")]
    )
    assert remarks.on_unknown("a seal mit hund") == (
        "This model was never trained on “mit” and “hund”, so it can only guess.",
    )
    assert remarks.on_prompt("a seal mit hund") == remarks.on_unknown("a seal mit hund")
    assert remarks.on_text("a seal mit hund") == () == remarks.on_unknown("a seal")
    for text in ("hund mit", "the hund", "1234"):
        assert "what is found is chance" in remarks.on_text(text)[0] and remarks.on_unknown(text) == ()
        assert "what is painted is chance" in remarks.on_prompt(text)[0]
