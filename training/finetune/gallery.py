"""Gallery of quadruplets: both images of each, labelled, as Parquet files that the index builder and the page read."""

from collections.abc import Iterator
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

    An image that occurs twice is taken once, with its first caption.
    """
    seen: set[str] = set()
    fresh = [each for each in _rows(rows) if not (each["image_id"] in seen or seen.add(each["image_id"]))]
    schema = arrow_schema()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    files = -(-len(fresh) // ROWS_IN_A_FILE)
    for number in range(files):
        part = fresh[number * ROWS_IN_A_FILE : (number + 1) * ROWS_IN_A_FILE]
        table = pa.Table.from_pylist(part, schema=schema)
        parquet.write_table(table, folder / "data" / f"test-{number:05}-of-{files:05}.parquet")
    return len(fresh)


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
