"""Source: a file that lists images by their paths, with captions or without."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from safeclip.hashing import file_sha256

from ..errors import BuildError
from ..options import SourceOptions
from .base import SourceItem
from .captions import FILE_COLUMN, as_caption, read_rows
from .reading import read_image
from .tables.columns import CAPTION_COLUMNS, FETCH, LINKS, scalars

TABLES = (".jsonl", ".csv", ".tsv")


class ImageListSource:
    """The images that a file lists, in its order; a relative path starts at the file's folder.

    A .txt file has a path a line, and, after a tab, a caption. A .jsonl, .csv or .tsv file has the path in the
    column "file_name", and further columns for captions and labels.
    """

    license = ""

    def __init__(self, place: str, options: SourceOptions):
        path = Path(place)
        if not path.is_file():
            raise BuildError(f"{place}: there is no such list of images.")
        self.origin = place
        self.fingerprint = file_sha256(path)
        self._folder = path.parent
        self._rows = [row for _, row in read_rows(path)] if path.suffix.lower() in TABLES else _lines(path)
        self._captions = (options.caption_column,) if options.caption_column else CAPTION_COLUMNS
        if absent := next((row for row in self._rows if not isinstance(row.get(FILE_COLUMN), str)), None):
            hint = "" if FILE_COLUMN in absent else f" Rename the column that holds it to {FILE_COLUMN!r}."
            raise BuildError(f"{place}: a row has no {FILE_COLUMN!r}, the image's path: {absent!r}.{hint}")
        if (wanted := options.caption_column) and self._rows and not any(wanted in row for row in self._rows):
            raise BuildError(f"{place}: no column {wanted!r}. It has {', '.join(map(str, self._rows[0]))}.")
        self.count = len(self._rows)

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        for row in islice(self._rows, skip, None):
            name = row[FILE_COLUMN]
            caption = as_caption(next((row[column] for column in self._captions if column in row), None))
            if name.startswith(LINKS):
                data, fault = None, f"it is a link, not a path.{FETCH}"
            else:
                data, fault = read_image(self._folder / name)
            yield SourceItem(name, data, caption, scalars(row), fault)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: the list cannot be read ({error}). Save it as UTF-8.") from error
    pairs = (line.partition("\t") for line in lines if line.strip())
    return [{FILE_COLUMN: name.strip(), "caption": caption} for name, _, caption in pairs]
