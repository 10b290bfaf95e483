"""Check of every image of a collection before training: decoded once, and remembered until the file changes."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from safeclip.errors import ImageError, short_reason
from safeclip.hashing import content_id
from safeclip.images.loading import open_image

from ...json_lines import append_lines, read_lines
from .rows import ImageFile

AT_ONCE = 1024  # images between two writes to the ledger


@dataclass(frozen=True)
class Checked:
    """What is known of one version of an image: the hash of its bytes, or its fault."""

    name: str
    version: str
    hash: str = ""
    fault: str = ""


class ImageLedger:
    """What is known of images, in a file of JSON lines; a line torn by a power cut is ignored."""

    def __init__(self, path: Path):
        self._path = path
        self._known = {checked.name: checked for checked in read_lines(path, Checked)}

    def check(self, files: Sequence[ImageFile]) -> list[Checked]:
        """Decodes the images that are new or changed; returns one entry for each file, in order."""
        entries: list[Checked] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(files), AT_ONCE):
                found = list(pool.map(self._entry, files[start : start + AT_ONCE]))
                self._remember(found)
                entries += found
        return entries

    def _entry(self, file: ImageFile) -> Checked:
        try:
            version = file.version()
            known = self._known.get(file.name)
            if known is not None and known.version == version:
                return known
            data = file.read()
        except (OSError, ValueError) as error:  # ValueError for a path with a null byte
            return Checked(file.name, "", fault=short_reason(error))
        try:
            open_image(data)
        except ImageError as error:
            return Checked(file.name, version, fault=str(error))
        return Checked(file.name, version, hash=content_id(data))

    def _remember(self, entries: Sequence[Checked]) -> None:
        fresh = [entry for entry in entries if entry.version and self._known.get(entry.name) != entry]
        if not fresh:
            return
        self._known |= {entry.name: entry for entry in fresh}
        append_lines(self._path, map(asdict, fresh))
