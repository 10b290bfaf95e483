"""Files of JSON lines that grow during a run: a line that a power cut tore is passed over and spoils no other."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def read_lines(path: Path, make: Callable[..., Any] = dict) -> Iterator[Any]:
    """What `make` makes of the fields of each whole line, in order; nothing when there is no file."""
    content = path.read_bytes() if path.is_file() else b""
    for line in content.split(b"\n"):  # a text may hold Unicode's other line breaks
        try:
            made = make(**json.loads(line))
        except (ValueError, TypeError):  # torn, maybe in the middle of a letter, or with other fields
            continue
        yield made


def append_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Appends a line for each row of fields; where the last line was torn, it gets its end first."""
    lines = encoded_lines(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            lines = lines if file.read(1) == b"\n" else b"\n" + lines
        file.write(lines)


def encoded_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as lines of JSON in UTF-8, where what no encoding has, as of a file's name that is not UTF-8, is escaped."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return text.encode(errors="backslashreplace")
