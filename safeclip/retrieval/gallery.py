"""Gallery: a `datasets` Parquet directory of images and captions, whose images are decoded when they are asked for."""

import hashlib
import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ..command_names import INDEXER
from ..errors import GalleryError, ImageError
from ..images.loading import open_image
from .gallery_schema import IMAGE, ITEM_COLUMNS, LABEL_COLUMNS, Item, check_columns, read_items
from .thumbnails import read_thumbnail

__all__ = ["Gallery", "Item"]

CACHED_IMAGES = 64  # decoded images that are kept, the most recently used


class Gallery:
    """Items in the order of their files, found by the hash of their image or of their caption. Safe for threads."""

    def __init__(self, path: Path, items: Iterable[Item], images: pa.ChunkedArray) -> None:
        """Holds `items` and, for each, an encoded image of `images` (`gallery_schema.IMAGE`)."""
        self.path = path
        self.items = tuple(items)
        self._images = images
        self._rows: dict[str, int] = {}
        for row, item in enumerate(self.items):
            if self._rows.setdefault(item.image_id, row) != row:
                raise GalleryError(f"{path}: the picture {item.image_id} is there twice. Leave one of them out.")
        for row, item in enumerate(self.items):
            self._rows.setdefault(item.caption_id, row)  # images may share a caption: the first answers for it
        self._decoded: dict[int, Image.Image] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: str | Path, *, may_be_empty: bool = False) -> Self:
        """Opens the directory `path`, whose rows are in `data/test-*.parquet`.

        Raises GalleryError when a column is missing, or when there are no rows unless it `may_be_empty`: one that is
        being filled, see `refresh`.
        """
        path = Path(path)
        files = sorted(path.glob("data/test-*.parquet"))
        if not files and may_be_empty:
            return cls(path, (), pa.chunked_array([], IMAGE))
        if not files:
            raise GalleryError(
                f"{path}: there is no data/test-*.parquet. Correct the path in the profile, or make "
                f"a gallery of your images there: {INDEXER} import IMAGES {path}"
            )
        try:
            tables = [_read_table(file) for file in files]
            images = pa.concat_tables([table.select(["image"]) for table in tables])["image"]
        except (OSError, pa.ArrowException) as error:
            raise GalleryError(f"{path}: the gallery cannot be read ({error}). Build it again.") from error
        return cls(path, (item for table in tables for item in read_items(table)), images)

    def refresh(self) -> None:
        """Reads the files again. Rows are only ever added behind those that are there, so that readers go on meanwhile.

        Raises as `open`.
        """
        now = type(self).open(self.path, may_be_empty=True)
        self._images, self.items, self._rows = now._images, now.items, now._rows  # in the order in which they are read
        for name in ("captions", "fingerprint", "license"):
            self.__dict__.pop(name, None)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, id: str) -> bool:
        return id in self._rows

    def item(self, id: str) -> Item:
        """Returns the item whose image or caption has this id. Raises GalleryError."""
        return self.items[self._row(id)]

    def image_bytes(self, id: str) -> bytes:
        """Returns the encoded image of the item with this id: AVIF, WebP, … Raises GalleryError."""
        return self._images[self._row(id)]["bytes"].as_py()

    def thumbnail(self, id: str, *, blurred: bool = False) -> bytes | None:
        """Returns the thumbnail of an image, or its blurred twin, as WebP; None when there is none.

        Raises GalleryError.
        """
        return read_thumbnail(self.path, self.item(id).image_id, blurred=blurred)

    def image(self, id: str) -> Image.Image:
        """Returns the image of the item with this id, decoded to RGB. All callers share it: do not draw on it.

        Raises GalleryError.
        """
        row = self._row(id)
        with self._lock:
            image = self._decoded.pop(row, None)
            if image is not None:
                self._decoded[row] = image  # now the last, which is the most recently used
                return image
        try:
            image = open_image(self.image_bytes(id))  # as the index builder does
        except ImageError as error:
            raise GalleryError(f"{self.path}: the picture {id} is damaged ({error}). Build it again.") from error
        with self._lock:
            self._decoded[row] = image
            if len(self._decoded) > CACHED_IMAGES:
                del self._decoded[next(iter(self._decoded))]
        return image

    def categories(self) -> list[str]:
        """Lists the categories of the unsafe items, sorted."""
        return sorted({item.category for item in self.items if item.unsafe and item.category})

    @cached_property
    def captions(self) -> dict[str, str]:
        """Captions by their id, each once, in the order of the items."""
        return {item.caption_id: item.caption for item in self.items}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over every item's ids, flag, category and twin, in order."""
        return fingerprint_of(self.items)

    @cached_property
    def license(self) -> str:
        """The `license:` of the front matter of the gallery's README.md, or "" when it says none."""
        return license_of(self.path)

    def _row(self, id: str) -> int:
        try:
            return self._rows[id]
        except KeyError:
            raise GalleryError(f"{self.path}: the gallery has no item {id!r}.") from None


def fingerprint_of(items: Iterable[Item]) -> str:
    """SHA-256 in hex over every item's ids, flag, category and twin, in order: `Gallery.fingerprint`."""
    digest = hashlib.sha256()
    for item in items:
        row = (item.image_id, item.caption_id, str(item.unsafe), item.category, item.twin)
        digest.update("\t".join(row).encode() + b"\n")
    return digest.hexdigest()


def _read_table(file: Path) -> pa.Table:
    """The columns of one file that a gallery reads. Raises GalleryError when one is missing."""
    schema = pq.read_schema(file)
    check_columns(schema, file)
    return pq.read_table(file, columns=["image", *ITEM_COLUMNS, *(set(LABEL_COLUMNS) & set(schema.names))])


def license_of(gallery: Path) -> str:
    """The `license:` of the front matter of a gallery's README.md, or "" when it says none."""
    card = gallery / "README.md"
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    if lines and lines[0] == "---" and "---" in lines[1:]:
        for line in lines[1 : lines.index("---", 1)]:
            if line.startswith("license:"):
                return line.removeprefix("license:").strip().strip("\"'")
    return ""
