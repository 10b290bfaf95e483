"""What leaves the server of a picture: the picture itself when it is safe, a smear without detail when it is not.

A blur in the browser is no protection, for the clear bytes are there to be read. Here an unsafe picture is averaged
down to a few dozen colours before it is encoded, so that what is sent holds nothing to bring back.
"""

import base64
import io
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from PIL import Image

from safeclip.errors import SafeClipError
from safeclip.images.blurring import smeared

if TYPE_CHECKING:
    from safeclip.retrieval.gallery import Gallery

_CACHED = 4096

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)

LOCKED = "Revealing is locked here: unsafe pictures stay blurred."


class BlurPolicy:
    """Pictures of one gallery as `data:` URIs, blurred when unsafe. Safe to call from several threads."""

    def __init__(self, gallery: "Gallery", *, locked: bool) -> None:
        self.gallery = gallery
        self.locked = locked
        self._blurred: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def source(self, id: str) -> str:
        """The `src` of the picture with this id: the stored bytes when it is safe, else its smear."""
        if self.gallery.item(id).unsafe:
            return self._smeared(id)
        return data_uri(self.gallery.image_bytes(id))

    def reveal(self, id: object) -> dict[str, object]:
        """The clear picture, on a person's request: {"ok", "src"} or {"ok": False, "message"}.

        `id` comes from the browser and may be anything. Where the presenter's lock is on, "locked" says so.
        """
        if self.locked:
            return {"ok": False, "locked": True, "message": LOCKED}
        try:
            return {"ok": True, "src": data_uri(self.gallery.image_bytes(str(id)))}
        except SafeClipError:
            return {"ok": False, "message": "This picture is not in the gallery any more. Ask again."}

    def _smeared(self, id: str) -> str:
        with self._lock:
            if id in self._blurred:
                self._blurred.move_to_end(id)
                return self._blurred[id]
        uri = smear(self.gallery.image(id))
        with self._lock:
            self._blurred[id] = uri
            while len(self._blurred) > _CACHED:
                self._blurred.popitem(last=False)
        return uri


def smear(image: Image.Image) -> str:
    """The `smeared` picture as a `data:` URI."""
    buffer = io.BytesIO()
    smeared(image).save(buffer, "WEBP", quality=60)
    return data_uri(buffer.getvalue())


def thumbnail(image: Image.Image, size: int = 160) -> str:
    """A small copy as a `data:` URI, re-encoded so that nothing but its pixels travels."""
    small = image.convert("RGB")
    small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return data_uri(buffer.getvalue())


def data_uri(data: bytes) -> str:
    """Encoded picture bytes → a `data:` URI. Raises ValueError for a format that browsers do not show."""
    for signature, offset, mime in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return f"data:{mime};base64,{base64.b64encode(data).decode()}"
    raise ValueError("not a PNG, JPEG, WebP or AVIF picture")
