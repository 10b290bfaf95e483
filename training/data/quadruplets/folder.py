"""Quadruplets of your own: a folder with images and a table of texts, as JSON lines or CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError
from .rows import DIVIDED, PathImage, Row, Skipped, check_undivided, checked_texts, cleaned, in_split, shown
from .tables import rows_of_file

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
    for position, table in enumerate(rows_of_file(path), start=1):
        row = _row(f"{path.name}, row {position}", table, folder)
        undivided = path.stem == UNDIVIDED and isinstance(row, Row)
        if not undivided or in_split(row.text, split, spec.held_out):
            yield row


def find_table(folder: Path, split: str) -> Path:
    """The table of a split, or the undivided one. Raises DataError when there is neither, or two of a name."""
    own, undivided = (table_of(folder, name) for name in (split, UNDIVIDED))
    if own:
        return own
    others = [path.name for name in DIVIDED if (path := table_of(folder, name))]
    if undivided or others:
        check_undivided(str(folder), split, others)
        return undivided
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder of quadruplets.")
    names = [name + suffix for name in (split, UNDIVIDED) for suffix in SUFFIXES]
    raise DataError(f"{folder}: there is no table of the split “{split}”; make one of: {', '.join(names)}.")


def table_of(folder: Path, name: str) -> Path | None:
    """The table of a split, or of UNDIVIDED, that is in a folder. Raises DataError when there are two."""
    found = [path for suffix in SUFFIXES if (path := folder / (name + suffix)).is_file()]
    if len(found) > 1:
        raise DataError(f"{folder}: there are {' and '.join(path.name for path in found)}; leave one of them there.")
    return found[0] if found else None


def _row(id: str, table: Any, folder: Path) -> Row | Skipped:
    texts = checked_texts(id, table, FIELDS)
    if isinstance(texts, Skipped):
        return texts
    paths = [cleaned(table.get(name)) for name in IMAGES]
    for name, path in zip(IMAGES, paths, strict=True):
        if not path:
            held = f"“{name}” holds {shown(table[name]) or 'nothing'}" if name in table else f"no field “{name}”"
            return Skipped(id, f"{name.replace('_', ' ')} is missing", held)
    images = [PathImage(folder / path) for path in paths]
    return Row(id, *texts, *images, cleaned(table.get("category")))
