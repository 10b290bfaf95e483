"""Generated pictures, kept while they may still be looked at; what leaves of a flagged one is its smear."""

import io
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ..common.blur_policy import LOCKED, data_uri, smear
from . import png_metadata as png_settings

_LOSSLESS = 256 * 256  # pixels: a WebP of fewer is sent as it was painted
_GONE = {"ok": False, "message": "This picture is not kept any more. Paint it again."}


@dataclass(frozen=True)
class _Kept:
    png: bytes  # with its settings
    source: str
    flagged: bool
    name: str

    @property
    def size(self) -> int:
        """Bytes that it takes, the `data:` URI at one a character."""
        return len(self.png) + len(self.source)


class ImageStore:
    """The latest pictures of all visitors, each behind an id that cannot be guessed. Safe to call from threads.

    They take `room` bytes at most, and the latest one is kept whatever it takes.

    `locked` is the presenter's lock: a flagged picture then leaves only as its smear, and nothing is revealed.
    """

    def __init__(self, *, locked: bool, room: int = 256_000_000) -> None:
        self.locked = locked
        self._room = room
        self._used = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, image: Image.Image, *, flagged: bool, settings: dict[str, Any]) -> str:
        """Keep a picture and how it was painted. Returns its id."""
        source = smear(image) if flagged else _webp(image)
        kept = _Kept(png_settings.write(image, settings), source, flagged, _name(settings))
        id = secrets.token_hex(16)
        with self._lock:
            self._kept[id] = kept
            self._used += kept.size
            while self._used > self._room and len(self._kept) > 1:
                self._used -= self._kept.popitem(last=False)[1].size
        return id

    def source(self, id: str) -> str:
        """The `src` of a picture: the picture, or its smear when it is flagged; "" when it is not kept any more."""
        kept = self._find(id)
        return kept.source if kept else ""

    def reveal(self, id: object) -> dict[str, object]:
        """The clear picture, on a person's request: {"ok", "src"} or {"ok": False, "message"}.

        `id` comes from the browser and may be anything.
        """
        if self.locked:
            return {"ok": False, "locked": True, "message": LOCKED}
        if (kept := self._find(id)) is None:
            return _GONE.copy()
        return {"ok": True, "src": _clear(kept)}

    def download(self, id: object) -> dict[str, object]:
        """The PNG with its settings: {"ok", "name", "src"} or {"ok": False, "message"}; `id` may be anything."""
        if (kept := self._find(id)) is None:
            return _GONE.copy()
        if kept.flagged and self.locked:
            return {"ok": False, "locked": True, "message": LOCKED}
        return {"ok": True, "name": kept.name, "src": data_uri(kept.png)}

    def _find(self, id: object) -> _Kept | None:
        if not isinstance(id, str):
            return None
        with self._lock:
            if id in self._kept:
                self._kept.move_to_end(id)
            return self._kept.get(id)


def _clear(kept: _Kept) -> str:
    if not kept.flagged:
        return kept.source
    with Image.open(io.BytesIO(kept.png)) as image:
        return _webp(image)


def _webp(image: Image.Image) -> str:
    buffer = io.BytesIO()
    pixels = image.convert("RGB")
    pixels.info.clear()
    pixels.save(buffer, "WEBP", lossless=pixels.width * pixels.height <= _LOSSLESS, quality=90)
    return data_uri(buffer.getvalue())


def _name(settings: dict[str, Any]) -> str:
    """safeclip-safe-7.png: the seat, where it stands on a dial, and the seed."""
    parts = ["safeclip", (settings.get("seat") or {}).get("key"), settings.get("blend"), settings.get("seed")]
    words = [re.sub(r"[^A-Za-z0-9._-]+", "-", str(part)) for part in parts if part is not None]
    return "-".join(words)[:80] + ".png"
