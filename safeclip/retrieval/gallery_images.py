"""Encoded images of a gallery, read from its Parquet files when they are asked for."""

import pyarrow as pa

from ..errors import GalleryError
from ..runtime.recently_used import RecentlyUsed
from .row_groups import RowGroups, values_at

KEPT_BYTES = 16 << 20  # of row groups, the most recently used; a larger group is read in slices and not kept
_COLUMNS = ("image_id", "image")


class GalleryImages:
    """Encoded images by row number and content id. Memory does not grow with the gallery. Safe for threads."""

    def __init__(self, groups: RowGroups) -> None:
        self._groups = groups
        self._kept: RecentlyUsed[pa.Table] = RecentlyUsed(KEPT_BYTES, lambda table: table.nbytes)

    def read(self, row: int, id: str) -> bytes:
        """Returns the image of this row, whose content id must be `id`.

        Raises GalleryError when the files cannot be read, hold no image there, or were changed since they were opened.
        """
        group = int(self._groups.group_of(row))
        place = row - int(self._groups.starts[group])
        values = self._small(group, place) if self._groups.sizes[group] <= KEPT_BYTES else self._large(group, place)
        found, image = values or ("", None)
        if found != id:
            raise GalleryError(
                f"{self._groups.source(row)}: the picture {id} is not there any more, because the gallery was changed. "
                "Open it again."
            )
        if image is None:
            raise GalleryError(f"{self._groups.source(row)}: the picture {id} has no bytes. Import it again.")
        return image

    def _small(self, group: int, place: int) -> tuple[str, bytes | None] | None:
        state = self._groups.state(group)
        table = self._kept.get(state, lambda: self._groups.read(group, _COLUMNS))
        return next(values_at(table, _COLUMNS, [place]), None) if place < len(table) else None

    def _large(self, group: int, place: int) -> tuple[str, bytes | None] | None:
        return next(self._groups.take(group, _COLUMNS, [place]), None)
