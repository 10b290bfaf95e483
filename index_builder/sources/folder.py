"""Source: a folder of images, with its sub-folders.

An image's caption stands in a caption file at the top of the folder, or in a `.txt` file of the same name beside it;
`--captions names` takes it from the file's name instead, and `--captions none` takes none.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..errors import BuildError
from ..options import SourceOptions
from .base import SourceItem, printable
from .captions import DEFAULT_NAMES, Captions, not_utf8, plain_caption
from .files import is_image
from .reading import read_file, reason

# Values of `SourceOptions.captions` that are not a file.
FROM_NAMES, NO_CAPTIONS = "names", "none"


class FolderSource:
    """The images under a folder in the order of their names' bytes; what cannot be listed comes first, as faults.

    Links are followed, but no folder is entered twice. Files of other kinds are not images and are left out.
    """

    license = ""

    def __init__(self, place: str, options: SourceOptions):
        self.folder = Path(place)
        if not self.folder.is_dir():
            raise BuildError(f"{place} is not a folder. Give the folder that holds the images.")
        self.origin = str(self.folder)
        self._options = options
        listing = _Listing(os.fsencode(self.folder))
        self._names = listing.names
        self._faults = listing.faults
        self._captions = self._find_captions(options)
        digest = hashlib.sha256(b"\0".join(self._names))
        for fault in self._faults:  # each takes a position
            digest.update(f"\0{fault.name}\n".encode())
        if self._captions:
            shown = [_shown(name) for name in self._names]
            for name in self._captions.without_image(shown):
                reason = f"{self._captions.path.name} names this image, but the folder does not hold it"
                self._faults.append(SourceItem(name, None, fault=reason))
            digest.update(self._captions.path.read_bytes())
        self.fingerprint = digest.hexdigest()
        self.count = len(self._faults) + len(self._names)

    def items(self, skip: int = 0) -> Iterator[SourceItem]:
        yield from self._faults[skip:]
        for name in islice(self._names, max(0, skip - len(self._faults)), None):
            yield self._item(name)

    def _find_captions(self, options: SourceOptions) -> Captions | None:
        if options.captions in (FROM_NAMES, NO_CAPTIONS):
            return None
        paths = [Path(options.captions)] if options.captions else [self.folder / name for name in DEFAULT_NAMES]
        if options.captions and not paths[0].is_file():
            raise BuildError(f"{options.captions}: there is no such file of captions.")
        return next((Captions(path, options.caption_column) for path in paths if path.is_file()), None)

    def _item(self, name: bytes) -> SourceItem:
        shown, path = _shown(name), os.path.join(os.fsencode(self.folder), name)
        try:
            data = read_file(path)
            caption, row = (self._captions and self._captions.find(shown)) or (self._plain_caption(path), {})
        except OSError as error:
            return SourceItem(shown, None, fault=reason(error))
        except UnicodeDecodeError as error:
            return SourceItem(shown, None, fault=f"the .txt file beside it {not_utf8(error)}")
        return SourceItem(shown, data, caption, row)

    def _plain_caption(self, path: bytes) -> str:
        stem = os.path.splitext(path)[0]
        if self._options.captions == FROM_NAMES:
            return " ".join(re.split(r"[\s_-]+", printable(os.path.basename(stem)))).strip()
        if self._options.captions == NO_CAPTIONS or not os.path.isfile(stem + b".txt"):
            return ""
        return plain_caption(read_file(stem + b".txt"), self._options.first_line)


class _Listing:
    """Relative names of the images under `top`, sorted, and a fault for each folder that cannot be listed."""

    def __init__(self, top: bytes):
        self._top = top
        self._entered: set[tuple[int, int]] = set()
        self.names: list[bytes] = []
        self.faults: list[SourceItem] = []
        pending = [b""]
        while pending:
            pending += self._enter(pending.pop())
        self.names.sort()
        self.faults.sort(key=lambda item: item.name)

    def _enter(self, relative: bytes) -> list[bytes]:
        folders = []
        try:
            status = os.stat(os.path.join(self._top, relative))
            if (status.st_dev, status.st_ino) in self._entered:
                raise OSError(errno.ELOOP, "a link to a folder that is listed already")
            self._entered.add((status.st_dev, status.st_ino))
            for entry in sorted(os.scandir(os.path.join(self._top, relative)), key=lambda entry: entry.name):
                name = os.path.join(relative, entry.name)
                if _is_folder(entry):
                    folders.append(name)
                elif is_image(entry.name):
                    self.names.append(name)
        except OSError as error:
            self.faults.append(SourceItem(printable(relative) or ".", None, fault=reason(error)))
        return folders[::-1]  # a stack: the first in order is entered first


def _shown(name: bytes) -> str:
    return printable(name).replace(os.sep, "/")


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: opening it will say so
        return False
