"""The making of a gallery's indexes while the page is up: whether it is due, and how it is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import SafeClipError
from .retrieval.manifest import Manifest
from .retrieval.places import index_folder

if TYPE_CHECKING:
    from .lab import Lab

FIRST_ROWS = 500  # of a gallery that are indexed, and can be searched, before the rest


@dataclass(frozen=True)
class MakingStep:
    """Progress of the making: `done` of `total` rows at a `stage` (total 0: not known), and the seconds still to go.

    `searchable` counts the rows that can be searched now; a rise of it means that index or gallery have changed.
    """

    stage: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    searchable: int = 0


# Makes what a lab's profile lacks, and reports each step; raises SafeClipError. The page is handed one.
IndexMaker = Callable[["Lab", Callable[[MakingStep], None]], None]


def is_due(lab: "Lab") -> bool:
    """Whether the page is to make an index: the profile names no place of one, and the cache holds no whole one.

    A source may have changed since its gallery was made, so it is always looked at. Raises GalleryError.
    """
    spec = lab.profile.retrieval
    if spec is None or not spec.is_made_at_start:
        return False
    return bool(spec.source) or searchable_rows(lab) < len(lab.gallery)


def searchable_rows(lab: "Lab") -> int:
    """How many images can be searched under every seat, by the manifests alone; 0 where one is missing or outdated."""
    try:
        fingerprint, counts = lab.gallery.fingerprint, []
        for seat in lab.profile.seats:
            manifest = Manifest.read(index_folder(lab.profile) / seat.key)
            if manifest.gallery["fingerprint"] != fingerprint:
                return 0
            counts.append(int(manifest.files["images.faiss"]["count"]))
    except (SafeClipError, LookupError):
        return 0
    return min(counts, default=0)
