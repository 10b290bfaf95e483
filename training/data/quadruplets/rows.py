"""Rows of a quadruplet collection before their images are opened, and rows that are left out, each with a reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safeclip.hashing import content_id
from safeclip.options import shortened

from ...errors import DataError

TEXTS = ("text", "unsafe_text")
NO_FIELDS = "it has no fields"
DIVIDED = ("train", "validation")  # what an undivided collection is divided into
SPLITS = (*DIVIDED, "test")


class ImageFile(Protocol):
    """An image that is read when it is needed."""

    name: str  # unique in its collection

    def version(self) -> str:
        """Changes whenever the content does. Raises OSError when there is no such image."""

    def read(self) -> bytes:
        """The encoded image. Raises OSError when it cannot be read."""


@dataclass(frozen=True)
class PathImage:
    """An image file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def version(self) -> str:
        return file_version(self.path)

    def read(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True)
class Row:
    """A quadruplet. `id` is its name in the source, for messages."""

    id: str
    text: str
    unsafe_text: str
    image: ImageFile
    unsafe_image: ImageFile
    category: str = ""

    @property
    def images(self) -> dict[str, ImageFile]:
        """Both images by their fields' names."""
        return {"image": self.image, "unsafe_image": self.unsafe_image}


@dataclass(frozen=True)
class Skipped:
    """A row that is left out: `reason` is one of few, `detail` what is particular to the row."""

    id: str
    reason: str
    detail: str = ""


def file_version(path: Path) -> str:
    """Size and time of change of a file."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def cleaned(value: Any) -> str:
    """A text field without space around it; empty for null and for anything that is not text in Unicode."""
    return value.strip() if isinstance(value, str) and _is_unicode(value) else ""


def _is_unicode(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, as JSON can give one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole_number(value: Any) -> int | None:
    """A field as a whole number, None for what is none: data sets have texts, and floats where a value is null."""
    try:
        return int(value) if not isinstance(value, float) or value.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None


def checked_texts(id: str, table: Any, fields: Mapping[str, str]) -> tuple[str, str] | Skipped:
    """The safe and the unsafe text of a row, or why it is left out. `fields` maps "text", "unsafe_text" to its keys."""
    if not isinstance(table, dict):
        return Skipped(id, NO_FIELDS, shown(table))
    found = []
    for name in TEXTS:
        if fields[name] not in table:
            return Skipped(id, f"{name.replace('_', ' ')} is missing", f"no field “{fields[name]}”, {_columns(table)}")
        value = table[fields[name]]
        text = cleaned(value)
        if not text:
            return Skipped(id, f"{name.replace('_', ' ')} is {'empty' if is_empty(value) else 'no text'}", shown(value))
        found.append(text)
    return found[0], found[1]


def is_empty(value: Any) -> bool:
    """Whether a field holds nothing but space, or has no value, which is NaN in a table of pandas."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def shown(value: Any) -> str:
    """A field's value for a message; "" where it is empty."""
    return "" if is_empty(value) else shortened(value)


def _columns(table: Mapping[str, Any]) -> str:
    """What a row has instead of a field that it should have."""
    return f"only {', '.join(map(str, table))}"[:120] if table else "nor any other"


def in_split(text: str, split: str, held_out: float) -> bool:
    """Whether a row of an undivided collection belongs to "train" or "validation", by a hash of its safe text.

    Rows that share a safe text stay together, so that none of validation is half known from training.

    `held_out` is the share of validation. The row stays in its split when others are added or taken away. Raises
    DataError for what is no share.
    """
    if not 0 <= held_out <= 1:
        raise DataError(f"held_out is {held_out}; it is a share, from 0 to 1.")
    position = int(content_id(text), 16) / 2**63
    return (position < held_out) == (split == "validation")


def check_undivided(name: str, split: str, others: Iterable[str]) -> None:
    """Raises DataError unless undivided rows can give a split: "train" or "validation", and no `others` have files."""
    if split not in DIVIDED:
        raise DataError(f"{name}: undivided rows have the splits {' and '.join(DIVIDED)}, and not “{split}”.")
    if others := ", ".join(others):
        raise DataError(
            f"{name}: there are rows of another split ({others}), and none of “{split}”; add a file of that name."
        )


def rows_of_files(
    folder: Path, suffix: str, split: str, held_out: float, read: Callable[[Path], Iterator[Row | Skipped]]
) -> Iterator[Row | Skipped]:
    """The rows of a split, file by file: of `SPLIT*SUFFIX`, or of undivided files `*SUFFIX` the split's part.

    `read` gives the rows of a file. Raises DataError when the folder has no such file, or those of other splits alone.
    """
    every = sorted(folder.glob(f"*{suffix}"))
    if not every:
        raise DataError(f"{folder}: there is no file that ends in {suffix}.")
    own = [file for file in every if file.name.startswith(split)]
    if not own:
        check_undivided(str(folder), split, (file.name for file in every if file.name.startswith(DIVIDED)))
        every = [file for file in every if not file.name.startswith(SPLITS)]
    for file in own or every:
        for row in read(file):
            undivided = not own and isinstance(row, Row)
            if not undivided or in_split(row.text, split, held_out):
                yield row


def summary(skipped: Iterable[Skipped]) -> str:
    """The reasons with their counts, most frequent first: "3 × unsafe text is empty, 1 × image is missing"."""
    counts = Counter(each.reason for each in skipped)
    return ", ".join(f"{count} × {reason}" for reason, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))
