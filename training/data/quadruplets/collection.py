"""A collection of quadruplets from files: complete rows are numbered, incomplete ones counted, listed and left out."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from PIL import Image

from safeclip.errors import ImageError, short_reason
from safeclip.hashing import content_id
from safeclip.images.loading import open_image
from safeclip.runtime.atomic_files import write_atomically

from ...engine.options import RunOptions
from ...errors import DataError
from ...json_lines import encoded_lines
from .image_check import ImageLedger
from .rows import ImageFile, Row, Skipped, summary
from .schema import QuadrupletItem

LEDGER = "images.jsonl"  # in the folder of the run
SHOWN = 3  # rows that a message names


class QuadrupletCollection:
    """Complete rows as a QuadrupletSource.

    `rows` are their files and texts, `hashes` those of the bytes of each row's two images, `skipped` the rows that are
    left out.
    """

    block = 1

    def __init__(self, rows: list[Row], skipped: list[Skipped], hashes: list[tuple[str, str]]):
        self.rows = rows
        self.hashes = hashes
        self.skipped = skipped
        content = [[row.text, row.unsafe_text, row.category, *both] for row, both in zip(rows, hashes, strict=True)]
        self.fingerprint = content_id(json.dumps(content, ensure_ascii=False))

    def __len__(self) -> int:
        return len(self.rows)

    def item(self, index: int) -> QuadrupletItem:
        """Raises DataError when an image was damaged or removed after the check."""
        row = self.rows[index]
        text, image = self.safe_pair(index)
        return QuadrupletItem(text, row.unsafe_text, image, _opened(row, row.unsafe_image), row.category)

    def safe_pair(self, index: int) -> tuple[str, Image.Image]:
        row = self.rows[index]
        return row.text, _opened(row, row.image)


def open_collection(name: str, found: Iterable[Row | Skipped], split: str, options: RunOptions) -> QuadrupletCollection:
    """Checks the images of all rows and numbers the complete ones in order.

    The rows that are left out go to `skipped-SPLIT.jsonl` in the folder of the run, and their count to stderr. Raises
    DataError when none is complete, and with `options.strict` when one is not.
    """
    found = list(found)
    candidates = [row for row in found if isinstance(row, Row)]
    files = [file for row in candidates for file in row.images.values()]
    entries = iter(ImageLedger(options.out / LEDGER).check(files))
    kept, hashes, skipped = [], [], []
    for row in found:
        if isinstance(row, Row):
            checked = {field: next(entries) for field in row.images}
            faults = [
                Skipped(row.id, _fault(field, entry.version), f"{entry.name}: {entry.fault}")
                for field, entry in checked.items()
                if entry.fault
            ]
            if not faults:
                kept.append(row)
                hashes.append(tuple(entry.hash for entry in checked.values()))
                continue
            row = faults[0]
        skipped.append(row)
    _report(f"{name}, {split}", len(found), skipped, options.out / f"skipped-{split}.jsonl", options.strict)
    if not found:
        raise DataError(
            f"{name}, {split}: there is no row. Add rows, or divide them into files for train and validation yourself; "
            "in a recipe, “held_out” tells which share of undivided rows is for validation."
        )
    if not kept:
        raise DataError(f"{name}, {split}: no row is complete ({summary(skipped)}).{_first(skipped)}")
    return QuadrupletCollection(kept, skipped, hashes)


def _opened(row: Row, file: ImageFile) -> Image.Image:
    try:
        return open_image(file.read())
    except (OSError, ImageError) as error:
        raise DataError(
            f"{row.id}: {file.name} could be read before the training and cannot be read any more "
            f"({short_reason(error)}). Put it back as it was, and give the command again."
        ) from error


def _fault(field: str, version: str) -> str:
    return f"{field.replace('_', ' ')} is {'damaged' if version else 'missing'}"


def _first(skipped: list[Skipped]) -> str:
    return "".join(f" The first: {row.id}: {row.reason} ({row.detail or 'no detail'})." for row in skipped[:1])


def _report(name: str, count: int, skipped: list[Skipped], path: Path, strict: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, encoded_lines(map(asdict, skipped)))
    if not skipped:
        return
    said = f"{name}: {len(skipped)} of {count} rows are left out ({summary(skipped)})"
    if strict:
        first = "; ".join(f"{row.id}: {row.reason}" for row in skipped[:SHOWN])
        raise DataError(f"{said}. The first: {first}. All of them: {path}. Repair them, or leave out --strict.")
    _say(f"{said}: see {path}")


@cache  # a command opens the same rows several times: to count them, to train and to measure
def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
