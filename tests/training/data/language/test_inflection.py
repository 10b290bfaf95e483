import pytest

from training.data.language.inflection import article, participle, plural


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("knife", "a knife"),
        ("apple", "an apple"),
        ("Indian", "an Indian"),
        ("unicorn", "a unicorn"),
        ("umbrella", "an umbrella"),
        ("uniform", "a uniform"),
        ("hour", "an hour"),
        ("house", "a house"),
    ],
)
def test_article(noun, expected):
    assert f"{article(noun)} {noun}" == expected


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("dog", "dogs"),
        ("police officer", "police officers"),
        ("baby", "babies"),
        ("boy", "boys"),
        ("box", "boxes"),
        ("policeman", "policemen"),
        ("grandchild", "grandchildren"),
        ("human", "humans"),
        ("rubber boot", "rubber boots"),
        ("knife", "knives"),
    ],
)
def test_plural(noun, expected):
    assert plural(noun) == expected


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("run", "running"),
        ("carry out", "carrying out"),
        ("lie", "lying"),
        ("give", "giving"),
        ("see", "seeing"),
        ("be", "being"),
        ("eat", "eating"),
        ("throw", "throwing"),
        ("cut", "cutting"),
    ],
)
def test_participle(verb, expected):
    assert participle(verb) == expected
