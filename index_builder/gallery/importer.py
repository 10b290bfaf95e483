"""Imports a source into a gallery: checks, labels and stores its images, and resumes where it was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from safeclip.errors import first_line
from safeclip.hashing import content_id
from safeclip.retrieval.gallery import Item
from safeclip.retrieval.gallery_schema import ITEM_COLUMNS, TEXTS

from ..errors import BuildError
from ..options import SourceOptions
from ..progress import BuildProgress
from ..sources import open_source, split_spec
from ..sources.base import well_formed
from ..store.folders import exclusive, make_folder, reporting_disk
from ..store.id_set import IdSet
from .checking import Checked, check_all, check_item
from .files import PURGED, part_files, read_ids
from .hashes import Hashes
from .import_state import ImportState, LeftOut, Piece
from .labels import Label, Labeller
from .publishing import publish
from .schema import NOT_JUDGED
from .thumbnails import write_thumbnails
from .writer import PART_ROWS, PartWriter

if TYPE_CHECKING:
    from safeclip.judges.scores import ImageJudge

LABELLED_AT_ONCE = 32


def import_source(
    spec: str,
    gallery: str | Path,
    options: SourceOptions,
    progress: BuildProgress | None = None,
    judges: Sequence[ImageJudge] = (),
) -> Counter[str]:
    """Imports the source `spec` into the gallery's folder, new or existing; returns the number of items by outcome.

    Images keep their bytes, unless `options.max_side` makes them smaller. An image is stored once: others with the
    same bytes count as `repeated`, or as `present` when an earlier import stored them. Images that the source does
    not label are labelled by `judges`. Whatever is not stored is listed in the gallery's `quarantine.jsonl` with the
    reason. New rows appear in the gallery when the source is
    read to its end; a stopped import goes on when it is started again. Memory holds one group of rows.
    Raises BuildError.
    """
    progress = progress or BuildProgress(quiet=True)
    gallery = Path(gallery)
    lists = [options.blocklist] if options.blocklist else []
    blocklist = Hashes.read(*lists, *gallery.glob(PURGED))
    labeller = Labeller(options.unsafe, judges)
    source = open_source(spec, options)
    _require_apart(spec, gallery)
    make_folder(gallery)
    with exclusive(gallery), reporting_disk(gallery, "What is stored is kept"):
        state = ImportState(gallery, spec, source.fingerprint)
        importer = _Importer(state, labeller)
        check = partial(check_item, blocklist=blocklist, max_side=options.max_side, thumbnails=options.thumbnails)
        with progress.counting("images", source.count, done=state.position) as counter:
            for checked in check_all(map(well_formed, source.items(state.position)), check):
                importer.add(checked)
                counter(1, failed=bool(checked.fault))
            importer.finish()
        _require_rows(state, spec)
        if options.unsafe and labeller.says_nothing and state.counts["rows"]:
            progress.log(
                f"--unsafe {options.unsafe!r} labelled no image: the source has no such column, or nothing in it."
            )
        counts = state.counts
        publish(state, spec, source, options.license)
    return counts


class _Importer:
    """Turns checked items into pieces of rows."""

    def __init__(self, state: ImportState, labeller: Labeller):
        self._state = state
        self._labeller = labeller
        self._stored, self._present = IdSet(), IdSet()
        for file in state.stored_files():
            (self._present if state.source_changed else self._stored).update(read_ids(file))
        for file in part_files(state.gallery):
            self._present.update(read_ids(file))
        self._position = state.position
        self._waiting: list[Checked] = []
        self._begin()

    def add(self, checked: Checked) -> None:
        """Takes the next item; commits a piece when enough have come together. Raises BuildError."""
        self._position += 1
        if checked.id and checked.id in self._present:
            self._counts["present"] += 1
        elif reason := self._reason_to_leave_out(checked):
            self._left_out.append(LeftOut(checked.item.name, reason))
        else:
            self._waiting.append(checked)
        with self._writing():
            if len(self._waiting) >= LABELLED_AT_ONCE:
                self._write_waiting()
            if self._writer.full or len(self._left_out) >= PART_ROWS:
                self._write_waiting()
                self._commit()

    def finish(self) -> None:
        """Commits what is left. Raises BuildError."""
        with self._writing():
            self._write_waiting()
            self._commit()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns a disk that is full, or fails, into a BuildError; what was committed stays."""
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            self._writer.discard()
            raise BuildError(
                f"{self._state.folder} cannot be written to ({first_line(error)}). "
                f"{self._state.counts['rows']:,} images are stored: make room, then give the same command again."
            ) from error

    def _begin(self) -> None:
        self._writer = PartWriter(self._state.next_path())
        self._counts: Counter[str] = Counter()
        self._left_out: list[LeftOut] = []

    def _reason_to_leave_out(self, checked: Checked) -> str:
        if checked.fault:
            self._counts["blocked" if checked.blocked else "quarantined"] += 1
            return checked.fault
        if not self._stored.add(checked.id):
            self._counts["repeated"] += 1
            return f"it repeats the image {checked.id} of this source"
        return ""

    def _write_waiting(self) -> None:
        for checked, label in zip(self._waiting, self._labeller.label(self._waiting), strict=True):
            row = _row(checked, label)
            self._counts["rows"] += 1
            self._counts["without_caption"] += not row["caption"]
            self._counts["unsafe"] += label.unsafe
            self._counts["not_judged"] += label.labelled_by == NOT_JUDGED
            if checked.thumbnail:
                blur = checked.image if label.unsafe else None
                write_thumbnails(self._state.gallery, checked.id, checked.thumbnail, blur)
            self._writer.add(row)
        self._waiting = []

    def _commit(self) -> None:
        file = self._writer.path.name if self._writer.rows else None
        self._writer.finish()
        if self._position > self._state.position:
            counts = {key: number for key, number in self._counts.items() if number}
            self._state.commit(Piece(file, self._position, counts, tuple(self._left_out)))
        self._begin()


def _row(checked: Checked, label: Label) -> dict[str, Any]:
    metadata = checked.item.metadata
    caption = " ".join(checked.item.caption.split())
    texts: dict[str, Any] = {name: str(metadata.get(name) or "") for name in TEXTS}
    item = Item(
        image_id=checked.id,
        caption_id=content_id(caption),
        caption=caption,
        unsafe=label.unsafe,
        twin=checked.id,
        **texts,
    )
    return {
        "image": {"bytes": checked.data, "path": None},
        **{name: getattr(item, name) for name in ITEM_COLUMNS},
        "width": checked.decoded.width,
        "height": checked.decoded.height,
        "file_name": checked.item.name,
        "labelled_by": label.labelled_by,
        "scores": [
            {"judge": score.judge, "version": score.version, "threshold": score.threshold, "value": score.value}
            for score in label.scores
        ],
    }


def _require_apart(spec: str, gallery: Path) -> None:
    """Raises BuildError for a gallery inside its own source, whose thumbnails the next import would take for images."""
    _, place = split_spec(spec)
    if Path(place).is_dir() and gallery.resolve().is_relative_to(Path(place).resolve()):
        raise BuildError(f"The gallery {gallery} would lie inside its source {place}. Name a folder beside it.")


def _require_rows(state: ImportState, spec: str) -> None:
    """Raises BuildError, and forgets the import, when a new gallery would have no row."""
    if state.counts["rows"] or state.stored_files() or part_files(state.gallery):
        return
    left_out = [each for piece in state.pieces for each in piece.left_out]
    state.end()
    if not any(state.gallery.iterdir()):
        state.gallery.rmdir()
    reason = f"the first of {len(left_out)} left out: {left_out[0].reason}" if left_out else "it holds none"
    raise BuildError(f"No image of {spec} can be used: {reason}.")
