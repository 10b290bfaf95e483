"""Columns of a table: which one holds the image, which one the caption, and the item that a row makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import BuildError
from ...options import SourceOptions
from ..base import SourceItem
from ..captions import CAPTION_COLUMNS as CAPTIONS_OF_FILES
from ..captions import as_caption

# The names that a column has where no option names it, the first one found counting.
IMAGE_COLUMNS = ("image", "img", "image_bytes", "jpg", "jpeg", "png", "webp", "bytes")
CAPTION_COLUMNS = (*CAPTIONS_OF_FILES, "captions", "TEXT", "txt", "prompt")
LINKS = ("http://", "https://")
_LINK_COLUMNS = ("url", "URL", "image_url", "IMAGE_URL")
FETCH = " Links are not followed: fetch the images first, for example with img2dataset, and import what it writes."

_EMBED = (
    " Files that a table names are not opened, and base64 is not decoded: store the images' encoded bytes in the "
    "column, or import a list of the files."
)


@dataclass(frozen=True)
class Columns:
    """The names of the image's and of the caption's column; a table without captions has none of the latter."""

    image: str
    caption: str | None

    @classmethod
    def find(cls, names: Iterable[str], options: SourceOptions, place: str) -> Columns:
        """Chooses among a table's column `names`. Raises BuildError, naming `place`, when it lacks a wanted one."""
        known = list(names)
        image = _choose(known, options.image_column, IMAGE_COLUMNS)
        if image is None:
            wanted = repr(options.image_column) if options.image_column else " or ".join(map(repr, IMAGE_COLUMNS))
            hint = FETCH if set(known).intersection(_LINK_COLUMNS) else ""
            raise BuildError(
                f"{place}: no column {wanted} with encoded images. Name one of these with --image-column: "
                f"{', '.join(known) or 'there is none'}.{hint}"
            )
        caption = _choose(known, options.caption_column, CAPTION_COLUMNS)
        if caption is None and options.caption_column:
            raise BuildError(f"{place}: no column {options.caption_column!r}. It has {', '.join(known)}.")
        return cls(image, caption)

    def item(self, name: str, row: Mapping[str, Any] | str) -> SourceItem:
        """The item of a row, or of the reason why it cannot be read; `name` is its place in the source."""
        if isinstance(row, str):
            return SourceItem(name, None, fault=row)
        data = row.get(self.image)
        if isinstance(data, Mapping):  # as `datasets` stores an image
            data = data.get("path") if data.get("bytes") is None else data["bytes"]
        metadata = scalars(row, without=(self.image,))
        caption = as_caption(row.get(self.caption)) if self.caption else ""
        if isinstance(data, bytes):
            return SourceItem(name, data, caption, metadata)
        return SourceItem(name, None, caption, metadata, self._fault(data))

    def _fault(self, data: Any) -> str:
        if isinstance(data, str) and data.startswith(LINKS):
            return f"{self.image!r} holds a link, not an image.{FETCH}"
        if isinstance(data, str) and data:
            return f"{self.image!r} holds a text, not an image.{_EMBED}"
        if data is None or isinstance(data, str):
            return "the row has no image"
        return f"{self.image!r} holds {type(data).__name__}, not bytes"


def scalars(row: Mapping[str, Any], without: Iterable[str] = ()) -> dict[str, Any]:
    """The cells of a row that a label can be read from: texts, numbers and flags."""
    left_out = set(without)
    return {
        name: value
        for name, value in row.items()
        if name not in left_out and isinstance(value, str | int | float) and value is not None
    }


def _choose(known: list[str], wanted: str, usual: tuple[str, ...]) -> str | None:
    candidates = (wanted,) if wanted else usual
    return next((name for name in candidates if name in known), None)
