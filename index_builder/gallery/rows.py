"""The rows of a gallery as the builder sees them: ids in the gallery's order, without images in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safeclip.command_names import INDEXER
from safeclip.errors import GalleryError
from safeclip.hashing import is_content_id
from safeclip.retrieval.gallery import Item, fingerprint_of, license_of
from safeclip.retrieval.gallery_schema import ITEM_COLUMNS, read_items
from safeclip.retrieval.row_groups import reading

from .erasing import captions_only_of
from .files import SOURCES, part_files
from .publishing import read_lines
from .reader import GalleryReader

MODALITIES = ("images", "captions")
_COLUMNS = list(ITEM_COLUMNS)
_SCANNED_ROWS = 4096  # items in memory at a time


@dataclass(frozen=True)
class Contents:
    """What a gallery holds of one modality, each id once, in the gallery's order.

    `ids` (n,) int64 are content ids, `rows` (n,) int64 the numbers of their first rows, `unsafe` (n,) bool the flags
    of those rows. `repeated` maps an id that has further rows to their number.
    """

    ids: np.ndarray
    rows: np.ndarray
    unsafe: np.ndarray
    repeated: dict[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    def unsafe_of(self, ids: np.ndarray) -> np.ndarray:
        """The flags (m,) of these ids, which must all be here."""
        return self.unsafe[self._places(ids)]

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """The row numbers (m,) of these ids, which must all be here."""
        return self.rows[self._places(ids)]

    def _places(self, ids: np.ndarray) -> np.ndarray:
        order = np.argsort(self.ids)
        return order[np.searchsorted(self.ids, ids, sorter=order)]


class GalleryRows:
    """A gallery's contents by modality ("images", "captions"), and `reader`, which reads rows by their number.

    It takes about 35 bytes a row. `blank` counts rows without a caption, which are no content of "captions".
    `fingerprint` and `license` are those of `safeclip.retrieval.gallery.Gallery`.
    Raises GalleryError for a folder that is no gallery, and for rows that are damaged.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        files = part_files(self.path)
        if not files:
            raise GalleryError(
                f"{self.path}: there is no data/test-*.parquet. If it is a folder of images, make a gallery of it: "
                f"{INDEXER} import {self.path} GALLERY"
            )
        self.reader = GalleryReader.open(files)
        self.license = license_of(self.path)
        self.sources = read_lines(self.path / SOURCES)
        self._image_ids: list[np.ndarray] = []
        self._caption_ids: list[np.ndarray] = []
        self._unsafe: list[np.ndarray] = []
        self.fingerprint = fingerprint_of(self._scan(files))
        images, captions, unsafe = (
            np.concatenate([np.empty(0, kind), *arrays])
            for kind, arrays in ((np.int64, self._image_ids), (np.int64, self._caption_ids), (bool, self._unsafe))
        )
        del self._image_ids, self._caption_ids, self._unsafe
        self.blank = int((captions < 0).sum())
        self._contents = {"images": _contents(images, unsafe), "captions": _contents(captions, unsafe)}
        self._only_of: dict[bytes, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, modality: str) -> Contents:
        return self._contents[modality]

    def holds(self, id: str) -> bool:
        """Whether an image or a caption of the gallery has this id."""
        return is_content_id(id) and any((each.ids == int(id, 16)).any() for each in self._contents.values())

    def captions_only_of(self, images: np.ndarray) -> np.ndarray:
        """The caption ids (m,) int64 of the images with these ids (n,) that no other image has. The last are kept."""
        if (asked := images.tobytes()) not in self._only_of:
            self._only_of = {asked: captions_only_of(self.reader.files, images)}
        return self._only_of[asked]

    def _scan(self, files: list[Path]) -> Iterator[Item]:
        """Every item; on the way, its ids (−1 for a blank caption) and flag are collected."""
        for path in files:
            with reading(path) as file:
                if absent := [name for name in ("image", *_COLUMNS) if name not in file.schema_arrow.names]:
                    raise GalleryError(f"{path}: the columns {', '.join(absent)} are missing.")
                for batch in file.iter_batches(_SCANNED_ROWS, columns=_COLUMNS):
                    items = list(read_items(batch))
                    captions = [
                        _number(item.caption_id, path) if (item.caption or "").strip() else -1 for item in items
                    ]
                    self._caption_ids.append(np.array(captions, np.int64))
                    self._image_ids.append(np.array([_number(item.image_id, path) for item in items], np.int64))
                    self._unsafe.append(np.array([item.unsafe for item in items], bool))
                    yield from items


def as_id(number: int) -> str:
    """A content id as its 16 hex digits."""
    return f"{number:016x}"


def as_numbers(ids: Iterable[str]) -> np.ndarray:
    """Content ids as (n,) int64, in their order."""
    return np.array([int(id, 16) for id in ids], np.int64)


def _number(id: str, path: Path) -> int:
    if not is_content_id(id):
        raise GalleryError(f"{path}: {id!r} is not a content id. Import the images again.")
    return int(id, 16)


def _contents(ids: np.ndarray, unsafe: np.ndarray) -> Contents:
    """The first row of each id that is not −1."""
    present = np.flatnonzero(ids >= 0)
    unique, first, counts = np.unique(ids[present], return_index=True, return_counts=True)
    rows = np.sort(present[first])
    repeated = {as_id(int(id)): int(count) - 1 for id, count in zip(unique, counts, strict=True) if count > 1}
    return Contents(ids[rows], rows, unsafe[rows], repeated)
