"""Purges images: deletes them and all that was made of them, and checks that nothing is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import numpy as np

from safeclip.retrieval.projection import NAME as MAP_NAME
from safeclip.runtime.atomic_files import write_atomically

from ..build import conclude
from ..errors import BuildError
from ..gallery.erasing import erase_rows
from ..gallery.files import PURGED, QUARANTINE
from ..gallery.hashes import Hashes
from ..gallery.import_state import FOLDER as IMPORTING
from ..gallery.publishing import read_lines, write_lines
from ..gallery.rows import as_id, as_numbers
from ..gallery.thumbnails import remove_thumbnails
from ..indexes.milvus_collections import discard_collections
from ..indexes.plan import IndexPlan
from ..options import BuildOptions
from ..progress import BuildProgress
from ..report import QUARANTINE as UNEMBEDDED
from ..report import REPORT
from ..store.compaction import rewrite_shards
from ..store.folders import exclusive
from ..store.selection import live_shards
from ..store.tombstones import forget
from ..workspace import Workspace
from .duplicates import NAME as DUPLICATES
from .remains import Traces, search


def purge(work: Workspace, ids: set[str], options: BuildOptions, progress: BuildProgress) -> str:
    """Deletes images from the gallery and from the indexes of `work`; returns a text that says what was searched.

    An image's caption goes too, unless another image has the same. The ids go to the gallery's blocklist first, so
    that no import takes them again and a purge that was stopped can be given again: what an earlier one has left of the
    ids on that list goes too. Raises BuildError for the id of a caption, for a gallery with an unfinished import, and
    when anything is found afterwards.
    """
    with exclusive(work.gallery_path):
        numbers = _images(work, ids | Hashes.read(*work.gallery_path.glob(PURGED)).ids)
        _block(work, ids)
        with progress.stage("collect traces"):
            captions = np.union1d(work.gallery.captions_only_of(numbers), _without_row(work))
            traces = Traces.collect(work, numbers, captions)
        with progress.stage("erase"):
            _erase(work, numbers, captions)
        del work.gallery  # read again, as the files are others
        left = _reindex(work, options, progress)
        with progress.stage("search for remains"):
            found = search(traces, (work.gallery_path, work.output))
    if left:
        raise BuildError(
            "These collections of Milvus hold embeddings of the purged images, and could not be dropped: "
            f"{', '.join(left)}. Drop them there."
        )
    if found.places:
        raise BuildError(
            f"Something of the purged images is left in {len(found.places)} places: {', '.join(found.places[:5])}. "
            "Delete these files, or give the same command again."
        )
    copies = f" Images that look the same stay: {', '.join(traces.copies)}." if traces.copies else ""
    return (
        f"{len(ids):,} images purged. {found.files:,} files of {found.bytes / 1e6:,.1f} MB were searched for their "
        f"ids, bytes, thumbnails and embeddings: nothing is left.{copies}"
    )


def _images(work: Workspace, ids: Iterable[str]) -> np.ndarray:
    """The ids (n,) int64 of the images to purge, when that can begin."""
    if (work.gallery_path / IMPORTING).exists():
        raise BuildError(f"An import into {work.gallery_path} is not finished: finish it first, then purge.")
    numbers = np.sort(as_numbers(ids))
    only_captions = np.setdiff1d(np.intersect1d(numbers, work.gallery["captions"].ids), work.gallery["images"].ids)
    if len(only_captions):
        names = ", ".join(map(as_id, only_captions.tolist()))
        raise BuildError(f"{names}: this is a caption, and images are purged. Give the ids of its images.")
    return numbers


def _without_row(work: Workspace) -> np.ndarray:
    """Captions (n,) int64 that are embedded and have no row any more: those of a purge that was stopped."""
    embedded = work.store.done("captions", work.reference.fingerprint)
    return np.setdiff1d(embedded, work.gallery["captions"].ids)


def _block(work: Workspace, ids: Iterable[str]) -> None:
    path = work.gallery_path / PURGED
    before = path.read_text(encoding="utf-8").split() if path.exists() else []
    write_atomically(path, "".join(f"{id}\n" for id in sorted({*before, *ids})).encode())


def _erase(work: Workspace, images: np.ndarray, captions: np.ndarray) -> None:
    """Deletes the rows, the thumbnails, the embeddings, and the lines of the quarantine lists that name the images."""
    names = {as_id(number) for number in images.tolist()}
    for file in work.gallery.reader.files:
        erase_rows(file, names)
    for name in names:
        remove_thumbnails(work.gallery_path, name)
    gone = {"images": images, "captions": captions}
    rewrite_shards(work.store, lambda modality, ids: ~np.isin(ids, gone[modality]))
    for path in (work.gallery_path / QUARANTINE, work.output / UNEMBEDDED):
        write_lines(path, [line for line in read_lines(path) if not any(name in str(line) for name in names)])
    (work.output / DUPLICATES).unlink(missing_ok=True)
    forget(work.output, names | {as_id(number) for number in captions.tolist()})


def _reindex(work: Workspace, options: BuildOptions, progress: BuildProgress) -> list[str]:
    """Builds the indexes anew from the embeddings that are left; without any image there are no indexes any more.

    Returns the collections of Milvus that could not be dropped.
    """
    if any(True for _ in live_shards(work.store, work.live(), "images", work.reference.fingerprint)):
        report = conclude(work, options, IndexPlan.of(options, anew=True), progress)
        return [name for index in report["indexes"].values() for name in index.get("left", ())]
    left = []
    for seat in work.seats:
        left += discard_collections(work.output / seat.key)
        shutil.rmtree(work.output / seat.key, ignore_errors=True)
    for name in (MAP_NAME, REPORT):
        (work.output / name).unlink(missing_ok=True)
    return left
