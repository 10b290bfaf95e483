import pytest

from index_builder.errors import BuildError
from index_builder.gallery.labels import LabelRule


@pytest.mark.parametrize(
    ("rule", "metadata", "unsafe"),
    [
        ("unsafe", {"unsafe": True}, True),
        ("unsafe", {"unsafe": "0"}, False),
        ("unsafe", {"unsafe": "NSFW"}, True),
        ("unsafe", {}, None),
        ("unsafe", {"unsafe": ""}, None),
        ("unsafe", {"unsafe": None}, None),
        ("nsfw >= 0.5", {"nsfw": 0.5}, True),
        ("nsfw >= 0.5", {"nsfw": float("nan")}, None),
        ("nsfw >= 0.5", {"nsfw": "nan"}, None),
        ("nsfw>0.5", {"nsfw": "0.5"}, False),
        ("p<1", {"p": 0}, True),
        ("kind == violence", {"kind": "Violence"}, True),
        ("kind != none", {"kind": "none"}, False),
        ("flag == true", {"flag": True}, True),
        ("count == 2", {"count": 2.0}, True),
        ("kind == two words", {"kind": "two words"}, True),
        ("unsafe", {"unsafe": float("nan")}, None),
        ("unsafe", {"unsafe": "1.0"}, True),
        ("nsfw == 1", {"nsfw": True}, True),
        ("nsfw == 1", {"nsfw": "1.0"}, True),
        ("nsfw == 1", {"nsfw": "true"}, True),
        ("nsfw == yes", {"nsfw": True}, True),
        ("nsfw == true", {"nsfw": 1}, True),
        ("nsfw != 0", {"nsfw": False}, False),
        ("kind == 'two words'", {"kind": "two words"}, True),
        ('kind == "porn"', {"kind": "porn"}, True),
        ("kind == porn", {"kind": "neutral"}, False),
    ],
)
def test_rules(rule, metadata, unsafe):
    assert LabelRule.parse(rule)(metadata) is unsafe


def test_malformed_rules_are_refused():
    for text in ("", "a b", ">= 3", "nsfw ="):
        with pytest.raises(BuildError, match="neither a column nor"):
            LabelRule.parse(text)
    with pytest.raises(BuildError, match="cannot be applied to the value 'high'"):
        LabelRule.parse("nsfw >= 0.5")({"nsfw": "high"})
    with pytest.raises(BuildError, match="cannot be applied to the value .0.9."):
        LabelRule.parse("nsfw >= 0.5")({"nsfw": [0.9]})
    with pytest.raises(BuildError, match="cannot be applied to the value 'perhaps'"):
        LabelRule.parse("unsafe")({"unsafe": "perhaps"})
