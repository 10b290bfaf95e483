"""Reads rows of a gallery by their number; travels to the workers of an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from safeclip.hashing import content_id
from safeclip.retrieval.row_groups import RowGroups, values_at

# A row group of at most this size stays in memory until a thread needs another.
KEPT_BYTES = 128 << 20
_kept = threading.local()
_COLUMNS_OF = {"images": ("image_id", "image"), "captions": ("caption_id", "caption")}


@dataclass(frozen=True)
class Row:
    """One thing to embed: `content` is an encoded image or a caption, `None` when the gallery holds none.

    `source` is its place in the gallery, for messages.
    """

    id: str
    source: str
    content: bytes | str | None

    @property
    def data(self) -> bytes:
        """The encoded image; no bytes for a row without one, and for a caption."""
        return self.content if isinstance(self.content, bytes) else b""

    @property
    def fault(self) -> str:
        """The reason why the content does not match the id, or "" when it does."""
        if self.content is None:
            return "the row has no content"
        if (found := content_id(self.content)) != self.id:
            return f"the content hashes to {found}, not to its id: the row is damaged"
        return ""


@dataclass(frozen=True, eq=False)
class GalleryReader:
    """Reads rows, numbered through all files of a gallery. Several threads may call it, and it can be pickled."""

    groups: RowGroups

    @classmethod
    def open(cls, files: list[Path]) -> Self:
        """Reads the footers of the files. Raises GalleryError."""
        return cls(RowGroups.open(files))

    @property
    def files(self) -> tuple[Path, ...]:
        return self.groups.files

    def __len__(self) -> int:
        return len(self.groups)

    def read(self, modality: str, rows: np.ndarray) -> Iterator[Row]:
        """The rows with these numbers (n,), ascending, with their content of `modality`. Raises GalleryError."""
        groups = self.groups.group_of(rows)
        for group in np.unique(groups).tolist():
            chosen = rows[groups == group]
            places = (chosen - self.groups.starts[group]).tolist()
            taken = self._take(group, _COLUMNS_OF[modality], places)
            for row, (id, content) in zip(chosen.tolist(), taken, strict=True):
                yield Row(id, self.groups.source(row), content)

    def _take(self, group: int, columns: tuple[str, str], places: list[int]) -> Iterator[tuple[Any, ...]]:
        """Id and content of the rows at `places`, ascending, of one row group."""
        if self.groups.sizes[group] > KEPT_BYTES:
            return self.groups.take(group, columns, places)
        key = (self.groups.state(group), columns)
        if getattr(_kept, "key", None) != key:
            _kept.key, _kept.table = key, self.groups.read(group, columns)
        return values_at(_kept.table, columns, places)
