"""Writes the thumbnails of a gallery; `safeclip.retrieval.thumbnails` reads them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from PIL import Image

from safeclip.images.thumbnails import blurred_thumbnail
from safeclip.retrieval.thumbnails import thumbnail_path
from safeclip.runtime.atomic_files import TEMPORARY


def write_thumbnails(gallery: Path, id: str, small: bytes, blur: Image.Image | None) -> None:
    """Writes a thumbnail, and the blurred twin of `blur` where there is one. Raises OSError.

    They are not fsynced: a reader passes over one that is cut short.
    """
    _write(thumbnail_path(gallery, id), small)
    if blur is not None:
        _write(thumbnail_path(gallery, id, blurred=True), blurred_thumbnail(blur))


def remove_thumbnails(gallery: Path, id: str) -> None:
    """Removes the thumbnail of an image and its blurred twin, and their folder when it is empty then."""
    for blurred in (False, True):
        path = thumbnail_path(gallery, id, blurred=blurred)
        path.unlink(missing_ok=True)
        path.with_name(path.name + TEMPORARY).unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    temporary.write_bytes(data)
    os.replace(temporary, path)
