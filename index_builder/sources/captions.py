"""Caption files: one line an image, as JSON lines, CSV or TSV."""

from __future__ import annotations

import codecs
import csv
import io
import json
import posixpath
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BuildError

# Found at the top of a folder when no file is named; the last two are those of `datasets`.
DEFAULT_NAMES = ("captions.jsonl", "captions.csv", "captions.tsv", "metadata.jsonl", "metadata.csv")
CAPTION_COLUMNS = ("caption", "text")
FILE_COLUMN = "file_name"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


class Captions:
    """Rows of a caption file by the name of their image, from the top of the folder, with slashes."""

    def __init__(self, path: Path, column: str = ""):
        """`column` is the caption's column where it is neither "caption" nor "text". Raises BuildError."""
        self.path = path
        self._columns = (column,) if column else CAPTION_COLUMNS
        self._rows: dict[str, dict[str, Any]] = {}
        for line, row in read_rows(path):
            name = row.get(FILE_COLUMN)
            if not isinstance(name, str) or not name:
                known = ", ".join(map(str, row))
                raise BuildError(
                    f"{path}, line {line}: there is no {FILE_COLUMN!r}, the image's name; its columns are: {known}."
                )
            if not any(column in row for column in self._columns):
                wanted = " or ".join(map(repr, self._columns))
                raise BuildError(
                    f"{path}, line {line}: there is no caption in a column {wanted}. Name its column with "
                    f"--caption-column: {', '.join(map(str, row))}."
                )
            key = _key(name)
            if key in self._rows:
                raise BuildError(f"{path}, line {line}: {name!r} has a line already.")
            self._rows[key] = row

    def find(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """The caption and the whole row of an image, or None; Unicode names match in either normal form."""
        row = self._rows.get(_key(name))
        return None if row is None else (self._caption(row), row)

    def without_image(self, names: list[str]) -> list[str]:
        """The names in the file that are not among `names`, in the file's order."""
        present = set(map(_key, names))
        return [row[FILE_COLUMN] for key, row in self._rows.items() if key not in present]

    def _caption(self, row: dict[str, Any]) -> str:
        return as_caption(next(row[name] for name in self._columns if name in row))


def _key(name: str) -> str:
    """A name in one of its spellings: composed letters, and no "./" before it."""
    return posixpath.normpath(unicodedata.normalize("NFC", name))


def as_caption(value: Any) -> str:
    """The caption of a cell: a text, or the first of a list of texts; "" where there is none."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return "" if value is None else str(value)


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line number and the fields of each row of a .csv, .tsv or JSON lines file. Raises BuildError."""
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise BuildError(f"{path}: the captions cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BuildError(f"{path} {not_utf8(error)}") from error
    return _table_rows(path, text) if path.suffix.lower() in _DELIMITERS else _json_rows(path, text)


def decode(data: bytes) -> str:
    """Text in UTF-8, or in UTF-16 where it begins with that byte order mark. Raises UnicodeDecodeError."""
    return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")


def plain_caption(data: bytes, first_line: bool) -> str:
    """The caption of a .txt file of these bytes, or its first line. Raises UnicodeDecodeError."""
    text = decode(data)
    return text.partition("\n")[0] if first_line else text


def not_utf8(error: UnicodeDecodeError) -> str:
    """What is wrong with a file that `decode` does not take, and what to do: the end of a sentence."""
    return f"is not UTF-8 text ({error.reason}). Save it as UTF-8."


def _table_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(
        max(len(text), 1 << 17)
    )  # a text may be longer than 128 KB; the whole file is in memory already
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_DELIMITERS[path.suffix.lower()], strict=True)
    try:
        for row in reader:
            if any(row.pop(None, ())):
                raise BuildError(
                    f"{path}, line {reader.line_num}: there are more fields than columns in the header. Put a text "
                    f"that holds {reader.reader.dialect.delimiter!r} between double quotes."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise BuildError(
            f"{path}, line {reader.line_num}: this is not a table ({error}). A field that begins with a double quote "
            "ends with one, and any inside it is written twice."
        ) from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines() also cuts at U+2028, which captions hold
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BuildError(f"{path}, line {number}: this is not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise BuildError(f"{path}, line {number}: this is not an object, but {row!r}.")
        yield number, row
