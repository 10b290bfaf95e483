"""The store of generated images, from where they are sent to the page; a flagged one is sent blurred."""

import io
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from safeclip.images.webp import as_webp

from ..common.blur_policy import Reply, blurred_uri, data_uri, refusal, thumbnail_uri
from . import png_metadata

if TYPE_CHECKING:
    from safeclip.generation.results import GeneratedImages

_LOSSLESS = 256 * 256  # pixels: a WebP of fewer is sent without loss


@dataclass(frozen=True)
class _Stored:
    png: bytes  # with its metadata
    source: str
    flagged: bool
    name: str

    @property
    def size(self) -> int:
        """Bytes that it takes, the `data:` URI at one a character."""
        return len(self.png) + len(self.source)


class ImageStore:
    """The latest images of all visitors, each behind an id that cannot be guessed. Safe to call from several threads.

    They take `capacity` bytes at most, and the latest one is kept whatever it takes. `locked` is the presenter's lock:
    a flagged image is then only sent blurred, and nothing is revealed.
    """

    def __init__(self, *, locked: bool, capacity: int = 256_000_000) -> None:
        self.locked = locked
        self._capacity = capacity
        self._used = 0
        self._stored: OrderedDict[str, _Stored] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, image: Image.Image, *, flagged: bool, metadata: dict[str, Any]) -> str:
        """Keeps an image with its metadata. Returns its id."""
        source = blurred_uri(image) if flagged else _webp(image)
        stored = _Stored(png_metadata.write(image, metadata), source, flagged, _file_name(metadata))
        id = secrets.token_hex(16)
        with self._lock:
            self._stored[id] = stored
            self._used += stored.size
            while self._used > self._capacity and len(self._stored) > 1:
                self._used -= self._stored.popitem(last=False)[1].size
        return id

    def source(self, id: str) -> str:
        """The `src` of an image, blurred when it is flagged; "" when it is not kept any more."""
        stored = self._find(id)
        return stored.source if stored else ""

    def thumbnail(self, id: str, size: int) -> str:
        """A small `src` of an image, at most `size` px a side, blurred when it is flagged; "" when it is not kept."""
        stored = self._find(id)
        if stored is None or stored.flagged:
            return stored.source if stored else ""
        with Image.open(io.BytesIO(stored.png)) as image:
            return thumbnail_uri(image, size)

    def reveal(self, id: object) -> Reply:
        """The clear image, on a person's request: {"ok", "src"} or {"ok": False, "message"}.

        `id` comes from the browser and may be anything.
        """
        if self.locked:
            return refusal()
        if (stored := self._find(id)) is None:
            return _gone()
        return {"ok": True, "src": _clear(stored)}

    def download(self, id: object) -> Reply:
        """The PNG with its metadata: {"ok", "name", "src"} or {"ok": False, "message"}; `id` may be anything."""
        if (stored := self._find(id)) is None:
            return _gone()
        if stored.flagged and self.locked:
            return refusal()
        return {"ok": True, "name": stored.name, "src": data_uri(stored.png)}

    def _find(self, id: object) -> _Stored | None:
        if not isinstance(id, str):
            return None
        with self._lock:
            if id in self._stored:
                self._stored.move_to_end(id)
            return self._stored.get(id)


def hidden(images: "GeneratedImages", i: int) -> bool:
    """Whether image i of a seat is to be blurred: a judge flags it, or not every judge has seen it."""
    return images.flagged(i) is not False


def _gone() -> Reply:
    return {"ok": False, "message": "This picture is not kept any more. Paint it again."}


def _clear(stored: _Stored) -> str:
    if not stored.flagged:
        return stored.source
    with Image.open(io.BytesIO(stored.png)) as image:
        return _webp(image)


def _webp(image: Image.Image) -> str:
    pixels = image.convert("RGB")
    pixels.info.clear()
    return data_uri(as_webp(pixels, 90, lossless=pixels.width * pixels.height <= _LOSSLESS))


def _file_name(metadata: dict[str, Any]) -> str:
    """safeclip-safe-7.png: the seat, its position on a dial, and the seed."""
    parts = ["safeclip", (metadata.get("seat") or {}).get("key"), metadata.get("blend"), metadata.get("seed")]
    words = [re.sub(r"[^A-Za-z0-9._-]+", "-", str(part)) for part in parts if part is not None]
    return "-".join(words)[:80] + ".png"
