"""Gallery: a `datasets` Parquet directory of images and captions, whose images are decoded when they are asked for."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

from PIL import Image
from yaml import YAMLError

from ..command_names import INDEXER
from ..errors import GalleryError, ImageError
from ..images.loading import open_image
from ..runtime.recently_used import RecentlyUsed
from .gallery_images import GalleryImages
from .gallery_schema import ITEM_COLUMNS, LABEL_COLUMNS, Item, check_columns, read_items
from .row_groups import RowGroups, reading
from .thumbnails import read_thumbnail

__all__ = ["Gallery", "Item"]

DECODED_BYTES = 128 << 20  # of decoded images that are kept, the most recently used
_READ_ROWS = 4096  # rows of a file that are read at a time


class Gallery:
    """Items in the order of their files, found by the hash of their image or of their caption. Safe for threads.

    Items are in memory. Images stay in the files, but for those that were used last.
    """

    def __init__(self, path: Path, items: Iterable[Item], images: GalleryImages, removed: Collection[str] = ()) -> None:
        """Holds `items`, the encoded image of each being the one of `images` with its row number."""
        self.path = path
        self._removed = removed
        self.items = tuple(items)
        self._images = images
        self._rows: dict[str, int] = {}
        for row, item in enumerate(self.items):
            if self._rows.setdefault(item.image_id, row) != row:
                raise GalleryError(f"{path}: the picture {item.image_id} is there twice. Leave one of them out.")
        rows: Iterable[int] = range(len(self.items))
        if removed:
            rows = sorted(rows, key=lambda row: self.items[row].image_id in removed)
        for row in rows:  # images may share a caption: the first that was not removed answers for it
            self._rows.setdefault(self.items[row].caption_id, row)
        self._decoded: RecentlyUsed[Image.Image] = RecentlyUsed(DECODED_BYTES, _decoded_bytes)

    @classmethod
    def open(cls, path: str | Path, *, may_be_empty: bool = False, removed: Collection[str] = ()) -> Self:
        """Opens the directory `path`, whose rows are in `data/test-*.parquet`.

        Images whose ids are `removed` from the indexes answer for no caption that another image has too.

        Raises GalleryError when a column is missing, or when there are no rows unless it `may_be_empty`: one that is
        being filled, see `refresh`.
        """
        path = Path(path)
        files = sorted(path.glob("data/test-*.parquet"))
        if not files and not may_be_empty:
            raise GalleryError(
                f"{path}: there is no data/test-*.parquet. Correct the path in the profile, or make "
                f"a gallery of your images there: {INDEXER} import IMAGES {path}"
            )
        images = GalleryImages(RowGroups.open(files))
        return cls(path, (item for file in files for item in _read_items(file)), images, removed)

    def refresh(self) -> None:
        """Reads the files again. Rows are only ever added behind those that are there, so that readers go on meanwhile.

        Raises as `open`.
        """
        now = type(self).open(self.path, may_be_empty=True, removed=self._removed)
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
        row = self._row(id)
        return self._images.read(row, self.items[row].image_id)

    def thumbnail(self, id: str, *, blurred: bool = False) -> bytes | None:
        """Returns the thumbnail of an image, or its blurred twin, as WebP; None when there is none.

        Raises GalleryError.
        """
        return read_thumbnail(self.path, self.item(id).image_id, blurred=blurred)

    def image(self, id: str, *, keep: bool = True) -> Image.Image:
        """Returns the image of the item with this id, decoded to RGB. All callers share it: do not draw on it.

        Unless `keep`, it is not held in memory for the next one who asks. Raises GalleryError.
        """
        return self._decoded.get(self.item(id).image_id, lambda: self._decode(id)) if keep else self._decode(id)

    def categories(self) -> list[str]:
        """Lists the categories of the unsafe items, sorted."""
        return sorted({item.category for item in self.items if item.unsafe and item.category})

    @cached_property
    def captions(self) -> dict[str, str]:
        """Captions by their id, each once, in the order of the items; blank ones are left out, as in the indexes."""
        return {item.caption_id: item.caption for item in self.items if (item.caption or "").strip()}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over every item's ids, flag, category and twin, in order."""
        return fingerprint_of(self.items)

    @cached_property
    def license(self) -> str:
        """The `license:` of the front matter of the gallery's README.md, or "" when it says none."""
        return license_of(self.path)

    def _decode(self, id: str) -> Image.Image:
        try:
            return open_image(self.image_bytes(id))  # as the index builder does
        except ImageError as error:
            raise GalleryError(f"{self.path}: the picture {id} is damaged ({error}). Build it again.") from error

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


def _read_items(file: Path) -> Iterator[Item]:
    """The items of one file, without their images. Raises GalleryError."""
    with reading(file) as parquet:
        names = parquet.schema_arrow.names
        check_columns(parquet.schema_arrow, file)
        columns = [*ITEM_COLUMNS, *(name for name in LABEL_COLUMNS if name in names)]
        for batch in parquet.iter_batches(_READ_ROWS, columns=columns):
            yield from read_items(batch)


def _decoded_bytes(image: Image.Image) -> int:
    return image.width * image.height * len(image.getbands())


def license_of(gallery: Path) -> str:
    """`licenses_of` with commas between them; "" where there are none."""
    return ", ".join(licenses_of(gallery))


def licenses_of(gallery: Path) -> list[str]:
    """The `license:` of the front matter of a gallery's README.md; none when it says none, or cannot be read."""
    from huggingface_hub.repocard import metadata_load  # takes a while to import

    card = gallery / "README.md"
    try:
        named = (metadata_load(card) or {}).get("license") if card.is_file() else None
    except (ValueError, YAMLError):
        return []
    return list(map(str, named)) if isinstance(named, list) else [str(named)] if named else []
