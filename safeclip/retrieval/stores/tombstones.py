"""Tombstones: ids that stay out of a folder's indexes although the gallery still holds them."""

import json
from pathlib import Path

from ...errors import IndexCorruptError
from ...hashing import is_content_id

NAME = "tombstones.json"


def read_tombstones(folder: str | Path) -> list[str]:
    """Lists the removed ids, sorted; none without a file.

    Raises IndexCorruptError when the file is damaged: ignoring it would restore every id.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return []
    try:
        removed = json.loads(path.read_text(encoding="utf-8"))["removed"]
        if not isinstance(removed, list):
            raise ValueError("“removed” is no list")
        if strange := [id for id in removed if not is_content_id(id)]:
            raise ValueError(f"{strange[0]!r} is no id")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexCorruptError(
            f"{path} cannot be read ({error!r}). Restore it, or delete it to index every row again."
        ) from error
    return sorted(removed)
