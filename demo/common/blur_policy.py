"""Decides which image leaves the server: a safe one as it is, an unsafe one blurred beyond recognition.

A blur in the browser protects nothing, since the clear bytes are in the page. Here an unsafe image is averaged down to
a few dozen colours before it is encoded, so the bytes that are sent hold no detail to recover.
"""

import base64
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from safeclip.errors import GalleryError, SafeClipError
from safeclip.images.thumbnails import blurred_thumbnail, thumbnail
from safeclip.runtime.recently_used import RecentlyUsed
from safeclip.runtime.unhurried import unhurried

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery, Item

log = logging.getLogger(__name__)

_CACHED = 64 << 20  # bytes of `data:` URIs, the most recently used
_AHEAD = 5000  # hidden images that are blurred before anybody asks
_ENCODED_ANEW = 1024  # px of the longest side of an image of a format that browsers do not show

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)

LOCKED = "Revealing is locked here: unsafe pictures stay blurred."
# In the place of an image that cannot be read: the others of an answer are shown all the same.
UNREADABLE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'%3E%3Cpath fill='none' "
    "stroke='%23888' stroke-width='2' d='M14 14h36v36H14zm0 36 36-36'/%3E%3C/svg%3E"
)
_GONE = "This picture is not in the gallery any more. Ask again."

Reply = dict[str, object]  # to the browser, as JSON


class BlurPolicy:
    """Images of a page's gallery as `data:` URIs, blurred when unsafe. Safe to call from several threads.

    `locked` is the presenter's lock: no image is revealed. A page without a gallery has no image to show.
    """

    def __init__(self, gallery: "Gallery | None", *, locked: bool) -> None:
        self.gallery = gallery
        self.locked = locked
        self._made: RecentlyUsed[str] = RecentlyUsed(_CACHED, len)

    def hides(self, item: "Item") -> bool:
        """Whether an item's image is blurred: an unsafe one, and behind the lock one that nobody judged."""
        return item.unsafe or (self.locked and item.flag is None)

    def source(self, id: str) -> str:
        """The `src` of the image with this id: its thumbnail or the stored bytes, or blurred where it is hidden.

        An image of a format that browsers do not show is encoded anew; one that cannot be read is `UNREADABLE`.
        Raises GalleryError for an id that is not in the gallery.
        """
        if self.gallery is None:
            return ""
        gallery = self.gallery
        hidden = self.hides(gallery.item(id))
        make = _blurred_uri if hidden else _small_uri
        return _readable(lambda: self._made.get((id, hidden), lambda: make(gallery, id)))

    def prepare(self) -> None:
        """Blurs hidden images before an answer has to wait for it: each takes as long as drawing a whole answer."""
        hidden = (item for item in (self.gallery.items if self.gallery is not None else ()) if self.hides(item))
        for item in unhurried(hidden, _AHEAD):
            self.source(item.image_id)

    def thumbnail(self, id: str, size: int) -> str:
        """The `src` of a small copy of an image, at most `size` px a side; a hidden one is blurred as ever.

        Raises GalleryError for an id that is not in the gallery.
        """
        gallery = self.gallery
        if gallery is None or self.hides(gallery.item(id)):
            return self.source(id)
        return _readable(lambda: self._made.get(f"{id} {size}", lambda: thumbnail_uri(gallery.image(id), size)))

    def reveal(self, id: object) -> Reply:
        """The clear image, on a person's request: {"ok", "src"} or {"ok": False, "message"}.

        `id` comes from the browser and may be anything. Where the presenter's lock is on, "locked" says so.
        """
        if self.locked:
            return refusal()
        if self.gallery is None:
            return {"ok": False, "message": _GONE}
        try:
            return {"ok": True, "src": _clear_uri(self.gallery, str(id))}
        except SafeClipError:
            return {"ok": False, "message": _GONE}


def refusal() -> Reply:
    """The answer to a request that the presenter's lock forbids."""
    return {"ok": False, "locked": True, "message": LOCKED}


def blurred_uri(image: Image.Image) -> str:
    """The image as a `data:` URI, 48 × 48 px, without any detail finer than an eighth of its side."""
    return data_uri(blurred_thumbnail(image))


def thumbnail_uri(image: Image.Image, size: int = 160) -> str:
    """A copy of at most `size` px a side as a `data:` URI, encoded anew, so that it carries no metadata."""
    return data_uri(thumbnail(image, size))


def data_uri(data: bytes) -> str:
    """Encoded image bytes → a `data:` URI. Raises ValueError for a format that browsers do not show."""
    if not (mime := _mime(data)):
        raise ValueError("not a PNG, JPEG, WebP or AVIF picture")
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _readable(make: Callable[[], str]) -> str:
    """What `make` makes of an image, or `UNREADABLE`, with a line in the log."""
    try:
        return make()
    except GalleryError as error:
        log.warning("%s", error)
        return UNREADABLE


def _blurred_uri(gallery: "Gallery", id: str) -> str:
    """The blurred twin that the index builder made, or the image blurred now."""
    stored = gallery.thumbnail(id, blurred=True)
    return blurred_uri(gallery.image(id, keep=False)) if stored is None else data_uri(stored)


def _small_uri(gallery: "Gallery", id: str) -> str:
    """The thumbnail that the index builder made, or the clear image."""
    stored = gallery.thumbnail(id)
    return _clear_uri(gallery, id) if stored is None else data_uri(stored)


def _clear_uri(gallery: "Gallery", id: str) -> str:
    """The image as stored, or encoded anew where browsers do not show its format."""
    data = gallery.image_bytes(id)
    return data_uri(data) if _mime(data) else thumbnail_uri(gallery.image(id), _ENCODED_ANEW)


def _mime(data: bytes) -> str:
    """The media type of an image that browsers show, or ""."""
    found = (mime for signature, offset, mime in _SIGNATURES if data[offset : offset + len(signature)] == signature)
    return next(found, "")
