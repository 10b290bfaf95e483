"""Images by their names: files under a folder, or members of tar shards."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Protocol

from safeclip.errors import first_line

from ..errors import BuildError
from ..extras import load
from .files import IMAGES, find_files
from .reading import read_image


class ImageStore(Protocol):
    """Encoded images that are found by name."""

    def read(self, name: str) -> tuple[bytes | None, str]:
        """An image's bytes and "", or None and the reason why there are none."""
        ...


class FolderStore:
    """Image files; a relative name starts at the folder."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read(self, name: str) -> tuple[bytes | None, str]:
        return read_image(self._folder / name)


class TarStore:
    """Images in tar shards, by the name of their sample. The table of their places takes about 200 bytes an image."""

    def __init__(self, place: str):
        """Reads the headers of all members. Raises BuildError for a shard that is no tar, or is cut short."""
        base_plus_ext = load("webdataset.tariterators", "base_plus_ext", __package__, f"Reading images from {place}")
        self._places: dict[str, tuple[Path, int, int]] = {}
        for shard in find_files(place, (".tar",)):
            try:
                with tarfile.open(shard) as tar:
                    for member in tar:
                        key, suffix = base_plus_ext(member.name)
                        if suffix and suffix.lower() in IMAGES:
                            self._places[key] = shard, member.offset_data, member.size
            except (OSError, tarfile.TarError) as error:
                raise BuildError(f"{shard}: this shard cannot be read ({first_line(error)}).") from error

    def read(self, name: str) -> tuple[bytes | None, str]:
        if name not in self._places:
            return None, "no shard holds this image"
        shard, start, size = self._places[name]
        with open(shard, "rb") as file:
            file.seek(start)
            return file.read(size), ""


def open_store(place: str, beside: Path) -> ImageStore:
    """The images of a folder or of tar shards; without a place, files named from the folder `beside` on."""
    path = Path(place) if place else beside
    holds_tars = path.is_dir() and any(path.glob("*.tar"))
    return FolderStore(path) if path.is_dir() and not holds_tars else TarStore(place)
