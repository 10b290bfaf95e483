"""Gallery of quadruplets: both images of each, labelled, as Parquet files that the index builder and the page read."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from safeclip.hashing import content_id
from safeclip.retrieval.gallery_schema import TEXTS, arrow_schema

from ..data.quadruplets.rows import Row

ROWS_IN_A_FILE = 1024


def write_gallery(rows: list[Row], folder: Path) -> int:
    """Writes the images of complete rows with their captions; returns how many distinct ones there are.

    An image that occurs twice is taken once, with its first caption. Memory holds one file of rows.
    """
    seen: set[str] = set()
    fresh = (each for each in _rows(rows) if not (each["image_id"] in seen or seen.add(each["image_id"])))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for old in (folder / "data").glob("test-*.parquet"):  # of a call that was stopped
        old.unlink()
    for number in count():
        if not (part := list(islice(fresh, ROWS_IN_A_FILE))):
            break
        parquet.write_table(
            pa.Table.from_pylist(part, schema=arrow_schema()), folder / "data" / f"test-{number:05}.parquet"
        )
    return len(seen)


def _rows(rows: list[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        safe, unsafe = row.image.read(), row.unsafe_image.read()
        twin = content_id(safe)
        yield _row(safe, row.text, False, "", twin)
        yield _row(unsafe, row.unsafe_text, True, row.category, twin)


def _row(image: bytes, caption: str, unsafe: bool, category: str, twin: str) -> dict[str, Any]:
    return {
        "image": {"bytes": image, "path": None},
        "image_id": content_id(image),
        "caption": caption,
        "caption_id": content_id(caption),
        "unsafe": unsafe,
        **dict.fromkeys(TEXTS, ""),
        "category": category,
        "twin": twin,
    }
