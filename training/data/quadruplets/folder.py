"""Quadruplets of your own: a folder with images and a table of texts, as JSON lines or CSV."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError
from .rows import PathImage, Row, Skipped, checked_texts, cleaned, in_split

FIELDS = {"text": "text", "unsafe_text": "unsafe_text"}
IMAGES = ("image", "unsafe_image")
UNDIVIDED = "quadruplets"
SUFFIXES = (".jsonl", ".csv")


@dataclass(frozen=True)
class FolderSpec:
    """A folder with the tables `train.jsonl` and `validation.jsonl`, or `quadruplets.jsonl` for both, or .csv.

    Columns: text, unsafe_text, image, unsafe_image (paths from the folder), and category, which may be absent.
    `held_out` is the share of validation in an undivided table.
    """

    path: str
    held_out: float = 0.1


def read_folder(spec: FolderSpec, split: str) -> Iterator[Row | Skipped]:
    """The rows of a split in order. Raises DataError when the folder has no table of it."""
    folder = Path(spec.path).expanduser()
    path = find_table(folder, split)
    for position, table in enumerate(_tables(path), start=1):
        row = _row(f"{path.name}, row {position}", table, folder)
        undivided = path.stem == UNDIVIDED and isinstance(row, Row)
        if not undivided or in_split(row.text, row.unsafe_text, split, spec.held_out):
            yield row


def find_table(folder: Path, split: str) -> Path:
    """The table of a split, or the undivided one. Raises DataError when there is neither."""
    names = [name + suffix for name in (split, UNDIVIDED) for suffix in SUFFIXES]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder}: there is no table of the split “{split}”; make one of: {', '.join(names)}.")


def _row(id: str, table: Any, folder: Path) -> Row | Skipped:
    if not isinstance(table, dict):
        return Skipped(id, "it is no table of fields", repr(table)[:80])
    texts = checked_texts(id, table, FIELDS)
    if isinstance(texts, Skipped):
        return texts
    paths = {name: cleaned(table.get(name)) for name in IMAGES}
    for name, path in paths.items():
        if not path:
            return Skipped(id, f"{name.replace('_', ' ')} is missing", f"no field “{name}”")
    images = [PathImage(folder / path) for path in paths.values()]
    return Row(id, *texts, *images, cleaned(table.get("category")))


def _tables(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
            return
        for line in file:
            if line.strip():
                yield _json(line)


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line  # left out as a row that is no table
