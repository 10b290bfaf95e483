"""Folders of a profile's gallery and indexes: those that it names, or folders of the cache."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ProfileError
from ..hashing import json_sha256
from ..paths import resolve

if TYPE_CHECKING:
    from ..profiles import Profile, RetrievalSpec

_DIGITS = 12  # of a hash in a folder's name


def cache_root() -> Path:
    """Folder of galleries and indexes that the page makes: $SAFECLIP_CACHE, else the user's cache."""
    if named := os.environ.get("SAFECLIP_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "safeclip"


def gallery_folder(spec: "RetrievalSpec") -> Path:
    """Folder of a section's gallery, whether or not it is there."""
    return (
        resolve(spec.gallery)
        if spec.gallery
        else cache_root() / "galleries" / _name(spec.source, [spec.judges, spec.rows])
    )


def index_folder(profile: "Profile") -> Path:
    """Folder of a profile's indexes, one for each seat. Raises ProfileError for a profile without retrieval.

    In the cache it is known by the names of gallery and seats. What decides whether an index is used is its manifest,
    which holds the hashes of the encoder's weights and of the gallery.
    """
    spec = profile.retrieval
    if spec is None:
        raise ProfileError(f"The profile “{profile.name}” has no [retrieval] section.")
    if spec.index:
        return resolve(spec.index)
    seats = [
        [seat.key, seat.checkpoint, seat.adapter, seat.processor, seat.revision, seat.kind] for seat in profile.seats
    ]
    return cache_root() / "indexes" / _name(profile.name, [spec.gallery, spec.source, seats])


def _name(title: str, decides: list[object]) -> str:
    """Name of a folder: readable, and different for different contents."""
    readable = re.sub(r"[^a-z0-9.]+", "-", title.lower()).strip("-")[-40:]
    return f"{readable}-{json_sha256([title, decides])[:_DIGITS]}"
