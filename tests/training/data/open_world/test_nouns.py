import pytest

from training.data.open_world.concepts.catalogue import catalogue
from training.data.open_world.language.nouns import agree, indefinite, parse_noun, plural


@pytest.mark.parametrize(
    ("name", "flags", "said", "many"),
    [
        ("chef", {}, "a chef", "chefs"),
        ("axe", {}, "an axe", "axes"),
        ("unicorn", {}, "a unicorn", "unicorns"),
        ("hourglass", {}, "an hourglass", "hourglasses"),
        ("x-ray", {}, "an x-ray", "x-rays"),
        ("police officer", {}, "a police officer", "police officers"),
        ("cherry", {}, "a cherry", "cherries"),
        ("monkey", {}, "a monkey", "monkeys"),
        ("fireman", {}, "a fireman", "firemen"),
        ("person from spain", {}, "a person from spain", "people from spain"),
        ("man with a beard", {}, "a man with a beard", "men with a beard"),
        ("rat in the soup", {}, "a rat in the soup", "rats in the soup"),
        ("milk", {"mass": True}, "milk", None),
        ("glass of milk", {"mass": True}, "a glass of milk", "glasses of milk"),
        ("scissors", {"pair": True}, "scissors", None),
        ("pair of scissors", {"pair": True}, "a pair of scissors", "pairs of scissors"),
        ("thumbs up", {"pair": True}, "thumbs up", None),
        ("a weed leaf", {"mass": True}, "a weed leaf", "weed leaves"),
        ("some lingerie", {}, "lingerie", None),
        ("octopus", {}, "an octopus", "octopuses"),
    ],
)
def test_articles_and_plurals(name, flags, said, many):
    noun = parse_noun(name, **flags)
    assert indefinite(noun) == said
    if many:
        assert plural(noun) == many
    else:
        assert noun.number != "one"


def test_adjectives_stand_after_the_article():
    assert indefinite(parse_noun("apple"), "big red") == "a big red apple"
    assert indefinite(parse_noun("balloon"), "orange") == "an orange balloon"


@pytest.mark.parametrize(
    ("verb", "many"),
    [("holds", "hold"), ("is next to", "are next to"), ("has", "have"), ("carries", "carry"), ("punches", "punch"),
     ("embraces", "embrace"), ("sets fire to", "set fire to")],
)  # fmt: skip
def test_verbs_agree_with_many(verb, many):
    assert agree(verb, "many") == many
    assert agree(verb, "one") == agree(verb, "mass") == verb


def test_every_name_has_an_article_that_fits_its_first_letter():
    for concept in catalogue().drawn:
        for name in concept.names:
            said = indefinite(parse_noun(name, concept.mass, concept.pair))
            first, _, rest = said.partition(" ")
            if first == "a":
                assert rest[0] not in "aio" or rest.startswith("one-")
            if first == "an":
                assert rest[0] in "aeioux" or rest == "suv" or rest.startswith("hour")
