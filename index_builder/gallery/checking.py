"""Checks an image before it is stored: decodes it, makes it smaller, and names the reason when it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from safeclip.errors import ImageError
from safeclip.hashing import content_id
from safeclip.images.loading import open_image, reason_of
from safeclip.images.thumbnails import thumbnail
from safeclip.images.webp import as_webp

from ..in_order import in_order
from ..sources.base import SourceItem
from .hashes import Hashes

WORKERS = 2
BLOCKED = "it is on the blocklist"


@dataclass(frozen=True)
class Checked:
    """An item with the `data` to store, its content `id`, the decoded `image` and its `thumbnail`, if any.

    `fault` is the reason that excludes it.
    """

    item: SourceItem
    id: str = ""
    data: bytes = b""
    image: Image.Image | None = None
    thumbnail: bytes = b""
    fault: str = ""
    blocked: bool = False

    @property
    def decoded(self) -> Image.Image:
        """The image of an item without a fault."""
        assert self.image is not None
        return self.image


def check_item(item: SourceItem, blocklist: Hashes, max_side: int | None = None, thumbnails: int = 0) -> Checked:
    """Decodes an item's image. Images longer than `max_side` pixels are stored smaller, as WebP.

    `thumbnails` is the longest side of thumbnails in pixels, 0 for none.
    """
    if item.fault or not item.data:
        return Checked(item, fault=item.fault or "the file is empty")
    if item.data in blocklist:
        return Checked(item, fault=BLOCKED, blocked=True)
    try:
        image = open_image(item.data)
    except ImageError as error:
        return Checked(item, fault=reason_of(error))
    data = item.data
    if max_side and max(image.size) > max_side:
        image.thumbnail((max_side, max_side))
        data = as_webp(image, quality=85)
        if data in blocklist:  # a purged image is known by the bytes that were stored
            return Checked(item, fault=BLOCKED, blocked=True)
    small = thumbnail(image, thumbnails) if thumbnails else b""
    return Checked(item, content_id(data), data, image, small)


def check_all(
    items: Iterable[SourceItem], check: Callable[[SourceItem], Checked], workers: int = WORKERS
) -> Iterator[Checked]:
    """Checks items in threads, in order; at most two items a thread are in memory."""
    with ThreadPoolExecutor(workers, "check") as pool:
        yield from in_order(pool, check, items, 2 * workers - 1)
