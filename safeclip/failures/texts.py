"""Reads texts of a user's file: CSV, JSON, JSON lines, Parquet, or one text a line."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import QueryError, first_line

LONGEST = 1000  # characters of a text, as in the page's boxes
LARGEST = 50_000_000  # bytes of a file

_TEXTS = ("text", "prompt", "query", "caption", "nsfw")  # columns that hold a text, the first that is there
_PAIRS = (("safe", "nsfw"), ("safe_caption", "unsafe_caption"))  # of ViSU-Text and of NSFWCaps: a safe, an unsafe text
_CATEGORIES = ("category", "categories", "tag")


@dataclass(frozen=True)
class GivenText:
    """One text of a file, with its category and concept of harm where the file has them."""

    text: str
    unsafe: bool = True
    category: str = ""
    concept: str = ""


def read_texts(path: Path, *, most: int | None = None, longest: int | None = LONGEST) -> list[GivenText]:
    """Reads the texts of a file, in order, blank ones left out.

    Rows have two texts, as ViSU's ("safe", "nsfw", "tag"), or one under "text", "prompt", "query" or "caption", and may
    say "unsafe" (true unless it is false, 0 or no) and "category". Raises QueryError for a file that cannot be read,
    has no such column, holds more than `most` texts, or one of more than `longest` characters.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise QueryError(f"{path.name} is larger than {LARGEST // 1_000_000} MB. Split it.")
        if path.suffix.lower() == ".parquet":
            return _collected(_parquet_rows(path), path.name, most, longest)
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise QueryError(f"{path.name}: the file cannot be read ({(error.strerror or 'no reason').lower()}).") from None
    except UnicodeDecodeError:
        raise QueryError(f"{path.name}: this is not text in UTF-8. Save it as UTF-8.") from None
    return parse_texts(content, path.name, most=most, longest=longest)


def parse_texts(content: str, name: str, *, most: int | None = None, longest: int | None = LONGEST) -> list[GivenText]:
    """As `read_texts`, of the content of a file called `name`, whose ending says how to read it."""
    return _collected(_rows(content, name), name, most, longest)


def _collected(
    rows: Iterable[tuple[int, Mapping[str, Any]]], name: str, most: int | None, longest: int | None
) -> list[GivenText]:
    found = []
    for line, row in rows:
        for text in _texts(row, f"{name}, row {line}"):
            if longest is not None and len(text.text) > longest:
                raise QueryError(f"{name}, row {line}: the text has {len(text.text)} characters; {longest} at most.")
            found.append(text)
    if not found:
        raise QueryError(f"{name} holds no text.")
    if most is not None and len(found) > most:
        raise QueryError(f"{name} holds {len(found)} texts; {most} at most. Split the file.")
    return found


def _rows(content: str, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the number of each row, from 1, and its fields."""
    ending = Path(name).suffix.lower()
    try:
        if ending == ".csv":
            yield from enumerate(csv.DictReader(io.StringIO(content)), start=1)
        elif ending in (".jsonl", ".ndjson"):
            lines = _lines(content)
            yield from ((i, json.loads(line)) for i, line in enumerate(lines, start=1) if line.strip())
        elif ending == ".json":
            table = json.loads(content)
            yield from enumerate(table if isinstance(table, list) else [table], start=1)
        elif ending in (".txt", ""):
            lines = _lines(content)
            yield from ((i, {"text": line}) for i, line in enumerate(lines, start=1))
        else:
            raise QueryError(f"{name}: a file of texts ends in .csv, .jsonl, .json, .parquet or .txt.")
    except (ValueError, csv.Error) as error:
        raise QueryError(f"{name}: this is not valid {ending[1:].upper()}: {first_line(error)}.") from error


def _lines(content: str) -> Iterable[str]:
    """The lines of a content, whatever system ends them; Unicode's other line breaks are part of a text."""
    return io.StringIO(content, newline=None)


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """As `_rows`, of a Parquet file; columns that hold no texts, as images, are not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        plain = [field.name for field in schema if not pa.types.is_nested(field.type) and field.type != pa.binary()]
        yield from enumerate(pq.read_table(path, columns=plain).to_pylist(), start=1)
    except (pa.ArrowException, OSError) as error:
        raise QueryError(f"{path.name}: this is not valid Parquet: {first_line(error)}.") from error


def _texts(row: Any, where: str) -> Iterator[GivenText]:
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, Mapping):
        raise QueryError(f"{where}: a row is a table of fields, or a text.")
    category = next((str(row[name] or "") for name in _CATEGORIES if name in row), "")
    concept = str(row.get("concept") or "")
    pair = next((pair for pair in _PAIRS if all(name in row for name in pair)), None)
    if pair is not None:
        texts = [(row[pair[0]], False), (row[pair[1]], True)]
    else:
        column = next((name for name in _TEXTS if name in row), None)
        if column is None:
            raise QueryError(f"{where}: there is none of the columns {', '.join(_TEXTS[:4])}.")
        unsafe = str(row.get("unsafe", "true")).strip().lower() not in ("false", "0", "0.0", "no")
        texts = [(row[column], unsafe)]
    for value, unsafe in texts:
        text = " ".join(str(value or "").split())
        if text:
            yield GivenText(text, unsafe, category, concept)
