"""Rows of a gallery's Parquet files, read as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safeclip.errors import GalleryError
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Gallery, Item

MODALITIES = ("images", "captions")
_READ_ROWS = 64
_COLUMNS_OF = {"images": ("image_id", "image"), "captions": ("caption_id", "caption")}
_COLUMNS = [field.name for field in fields(Item)]
_NO_IMAGES = pa.chunked_array([], type=pa.struct({"bytes": pa.binary(), "path": pa.string()}))


@dataclass(frozen=True)
class Row:
    """One thing to embed: `content` is an encoded image or a caption, `None` when the gallery holds none.

    `source` is its place in the gallery, for messages.
    """

    id: str
    source: str
    content: bytes | str | None


class GalleryRows:
    """Ids of a gallery in its order, and streams of its images and captions, which are never all in memory.

    An image or caption that occurs several times counts once; `duplicates` maps its id to the number of further
    occurrences, by modality. Blank captions are left out and counted in `blank`. `unsafe` maps every id to its row's
    flag; for a caption that several rows share, to the first row's. `items` holds them without their images.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._files = sorted(self.path.glob("data/test-*.parquet"))
        if not self._files:
            raise GalleryError(
                f"{self.path}: there is no data/test-*.parquet. If it is a folder of images, make a gallery of it: "
                f"python -m index_builder import {self.path} GALLERY"
            )
        self.duplicates: dict[str, dict[str, int]] = {modality: {} for modality in MODALITIES}
        self.blank = 0
        self.rows = 0
        self.unsafe: dict[str, bool] = {}
        images: dict[str, Item] = {}
        captions: dict[str, str] = {}
        for item in self._read_items():
            self.rows += 1
            self.unsafe.setdefault(item.image_id, item.unsafe)
            if not self._again("images", item.image_id, images):
                images[item.image_id] = item
            if not (item.caption or "").strip():
                self.blank += 1
            elif not self._again("captions", item.caption_id, captions):
                captions[item.caption_id] = item.caption
                self.unsafe.setdefault(item.caption_id, item.unsafe)
        self.items = Gallery(self.path, images.values(), _NO_IMAGES)
        self._ids = {"images": list(images), "captions": list(captions)}

    def ids(self, modality: str) -> list[str]:
        """The ids of `modality`, each once, in the gallery's order."""
        return self._ids[modality]

    def read(self, modality: str, wanted: Iterable[str]) -> Iterator[Row]:
        """The rows with the ids `wanted`, in the gallery's order, each once; other groups are skipped."""
        missing = set(wanted)
        for path in self._files:
            if not missing:
                return
            with _reading(path) as file:
                for id, content, row in _stream(file, *_COLUMNS_OF[modality], missing):
                    if id in missing:
                        missing.remove(id)
                        yield Row(id, f"{path.name} row {row}", _plain(content))

    def _again(self, modality: str, id: str, seen: dict) -> bool:
        if id in seen:
            counts = self.duplicates[modality]
            counts[id] = counts.get(id, 0) + 1
        return id in seen

    def _read_items(self) -> Iterator[Item]:
        for path in self._files:
            with _reading(path) as file:
                if absent := [name for name in ("image", *_COLUMNS) if name not in file.schema_arrow.names]:
                    raise GalleryError(f"{path}: the columns {', '.join(absent)} are missing.")
                for batch in file.iter_batches(columns=_COLUMNS):
                    for row in zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True):
                        item = Item(*row)
                        _check(item, path)
                        yield item


@contextmanager
def _reading(path: Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file; turns Arrow's errors inside the block into a GalleryError that names the file."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise GalleryError(f"{path}: the gallery cannot be read ({error}). Fetch or build it again.") from error


def _stream(
    file: pq.ParquetFile, id_column: str, content_column: str, wanted: set[str]
) -> Iterator[tuple[str, pa.Scalar, int]]:
    """Id, content and row number of the rows in those row groups that hold an id of `wanted`."""
    row = 0
    for group in range(file.num_row_groups):
        ids = file.read_row_group(group, columns=[id_column])[id_column].to_pylist()
        if not wanted.isdisjoint(ids):
            numbers, columns = count(row), [id_column, content_column]
            for batch in file.iter_batches(_READ_ROWS, row_groups=[group], columns=columns):
                # zip takes from the endless numbers last, so that it stops at the ids and skips no number.
                yield from zip(batch[id_column].to_pylist(), batch[content_column], numbers, strict=False)
        row += len(ids)


def mismatch(row: Row) -> str | None:
    """The reason why the content of `row` does not match its id, or `None` when it does."""
    if row.content is None:
        return "the row has no content"
    if (found := content_id(row.content)) != row.id:
        return f"the content hashes to {found}, not to its id: the row is damaged"
    return None


def _plain(scalar: pa.Scalar) -> bytes | str | None:
    value = scalar.as_py()
    return value["bytes"] if isinstance(value, dict) else value


def _check(item: Item, path: Path) -> None:
    for id in (item.image_id, item.caption_id):
        if not (isinstance(id, str) and re.fullmatch("[0-7][0-9a-f]{15}", id)):
            raise GalleryError(f"{path}: {id!r} is not a content id. Build the gallery again.")
