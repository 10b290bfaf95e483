"""Removes images and captions from the indexes: finds them by id, hash or list, and marks them as removed."""

from __future__ import annotations

import numpy as np

from ..build import KEPT, conclude, require_all_seats
from ..errors import BuildError
from ..gallery.files import PURGED
from ..gallery.hashes import Hashes
from ..gallery.rows import GalleryRows, as_numbers
from ..indexes.plan import IndexPlan
from ..options import RemoveOptions
from ..progress import BuildProgress
from ..report import summary
from ..store.folders import reporting_disk
from ..store.tombstones import change_tombstones
from ..workspace import Workspace, open_workspace
from .continuing import continued
from .purging import purge


def remove(options: RemoveOptions, progress: BuildProgress) -> str:
    """Removes what the options name; returns a text that says what was done. Nothing is embedded.

    Raises BuildError for an id that the gallery does not hold, and when a purge leaves something behind.
    """
    settings = continued(options)
    hashes = Hashes(options.what)
    if options.list:
        hashes.update(Hashes.read(options.list))
    with open_workspace(options) as work, reporting_disk(work.output, KEPT):
        require_all_seats(work)
        ids = find(work.gallery, hashes, Hashes(options.what).ids)
        if options.purge:
            return purge(work, ids, settings, progress)
        ids = {id for id in ids if work.gallery.holds(id)}  # others were purged before
        if not ids:
            return "Nothing to remove: the gallery holds none of these."
        _require_rest(work, ids)
        change_tombstones(work.output, work.gallery.holds, ids, ())
        return summary(conclude(work, settings, IndexPlan.of(settings), progress))


def _require_rest(work: Workspace, ids: set[str]) -> None:
    """Raises BuildError, before anything is changed, when a seat would have no image left to index."""
    rest = np.setdiff1d(work.live()["images"].ids, as_numbers(ids))
    for seat, encoder in work.encoders.items():
        embedded = work.store.done("images", encoder.fingerprint)
        if not len(np.intersect1d(work.gallery["images"].ids, embedded)):
            raise BuildError(
                f"{work.output} has no embeddings by the encoder of the seat “{seat.key}”: give `build` first. Nothing "
                "was removed."
            )
        if not len(np.intersect1d(rest, embedded)):
            raise BuildError(
                "No image would be left in the indexes, which cannot be empty. Nothing was removed: delete the folder "
                f"{work.output} to search none of them, or give --purge to delete the images too."
            )


def find(gallery: GalleryRows, hashes: Hashes, named: set[str]) -> set[str]:
    """The content ids that `hashes` name and the gallery holds or held before a purge.

    Raises BuildError for an id of `named` that it does not.
    """
    purged = Hashes.read(*gallery.path.glob(PURGED)).ids
    found = {id for id in hashes.ids if id in purged or gallery.holds(id)}
    if missing := sorted(named - found):
        raise BuildError(f"The gallery has no {', '.join(missing)}. An id is 16 hex digits, of an image or a caption.")
    if hashes.need_bytes:  # MD5 and SHA-1 say nothing of the id
        found |= {row.id for row in gallery.reader.read("images", np.arange(len(gallery))) if row.data in hashes}
    return found
