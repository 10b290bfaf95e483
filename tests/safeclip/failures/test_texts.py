"""Files of texts: every format, ViSU's shape, and what is wrong with one, in a sentence."""

import pytest

from safeclip.errors import QueryError
from safeclip.failures.texts import GivenText, parse_texts, read_texts


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "a gun\n\n a  knife \n", [GivenText("a gun"), GivenText("a knife")]),
        ("a.csv", "prompt,category\na gun,violence\n", [GivenText("a gun", category="violence")]),
        ("a.csv", 'text,unsafe\n"a dog, asleep",false\n', [GivenText("a dog, asleep", unsafe=False)]),
        ("a.csv", "text,unsafe\na dog,0.0\n", [GivenText("a dog", unsafe=False)]),
        ("a.jsonl", '{"query": "a gun"}\n\n"a bomb"\n', [GivenText("a gun"), GivenText("a bomb")]),
        (
            "a.jsonl",
            '{"text": "a\u2028gun"}\r\n"a\x85bomb"\r"a knife"',
            [GivenText(f"a {x}") for x in ("gun", "bomb", "knife")],
        ),
        ("a.txt", "a\u2029gun\r\na bomb", [GivenText("a gun"), GivenText("a bomb")]),
        (
            "a.json",
            '[{"safe": "a dog", "nsfw": "a gun", "tag": "violence"}, {"safe": "a cat", "nsfw": ""}]',
            [GivenText("a dog", False, "violence"), GivenText("a gun", True, "violence"), GivenText("a cat", False)],
        ),
    ],
)
def test_texts_of_every_format(name, content, expected):
    assert parse_texts(content, name) == expected


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "colour\nred\n", "row 1: there is none of the columns text, prompt"),
        ("a.jsonl", "{", "not valid JSONL"),
        ("a.json", "[1]", "row 1: a row is a table of fields"),
        ("a.pdf", "x", "ends in .csv, .jsonl, .json, .parquet or .txt"),
        ("a.txt", "\n", "holds no text"),
        ("a.txt", "x" * 1001, "row 1: the text has 1001 characters"),
        ("a.txt", "x\n" * 3, "holds 3 texts; 2 at most"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name, content, said):
    with pytest.raises(QueryError, match=said):
        parse_texts(content, name, most=2)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(QueryError, match="no such file"):
        read_texts(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(QueryError, match="not text in UTF-8"):
        read_texts(tmp_path / "a.txt")
