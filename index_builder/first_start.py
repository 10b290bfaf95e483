"""Makes the indexes that a page's profile lacks while the page is up: a first part soon, the rest behind it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.errors import GalleryError, JudgeError, SafeClipError
from safeclip.index_making import FIRST_ROWS, MakingStep
from safeclip.judges import open_judge
from safeclip.profiles import RetrievalSpec, Seat
from safeclip.retrieval.places import gallery_folder, index_folder

from .build import assemble
from .cached_gallery import note_taken, remove_outdated, state_of_source
from .engines import find_engine
from .engines.pending import Embeddable, embed_pending
from .errors import BusyError
from .gallery.importer import import_source
from .gallery.reader import GalleryReader
from .gallery.rows import MODALITIES, Contents, as_numbers
from .index_exchange import fetch_index, publish_index
from .indexes.plan import IndexPlan
from .options import SourceOptions
from .progress import BuildProgress
from .store.folders import exclusive
from .workspace import Workspace

if TYPE_CHECKING:
    from safeclip.judges.scores import ImageJudge
    from safeclip.lab import Lab
    from safeclip.retrieval.gallery import Item

Report = Callable[[MakingStep], None]

_BATCH = 16  # rows: progress is to be seen on a CPU too
_SHARD_ROWS = 512
_USUAL_SIZE = (640, 480)  # of a picture by which the time is estimated where the first one is damaged
TURN = 3.0  # seconds between two looks whether another page has made the index


def make_index(lab: Lab, report: Report) -> None:
    """Brings gallery and indexes of the lab's profile up to date: `FIRST_ROWS` first, then all of them.

    A seat whose encoder cannot be loaded is left out. A making that was stopped goes on where it was, and one that
    another page is at is waited for. Raises SafeClipError.
    """
    spec = lab.profile.retrieval
    assert spec is not None  # is_due says so
    making = _Making(lab, spec, report)
    making.work.output.mkdir(parents=True, exist_ok=True)
    with _in_turn(making):
        for limit in (FIRST_ROWS, None):
            if spec.source:
                making.take_in(spec.source, min(filter(None, (limit, spec.rows)), default=None))
            making.say("loading the models")
            if limit and fetch_index(making.work.output):
                making.say("found in the hub's cache")
            if making.embed(limit):
                making.assemble()
        publish_index(making.work.output, [seat.key for seat in making.work.encoders])


@contextmanager
def _in_turn(making: _Making) -> Iterator[None]:
    """Holds the folder of the indexes, once no other process does."""
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive(making.work.output))
                break
            except BusyError:
                making.say("waiting for another page, which makes it")
                time.sleep(TURN)
        yield


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """Chooses n of the items, as many of each label and category as there are in the whole, evenly spread in each."""
    groups: dict[tuple[str, str], list[tuple[float, Item]]] = defaultdict(list)
    for item in items:
        groups[item.label, item.category].append((0.0, item))
    placed = [
        ((place + 0.5) / len(group), key, item)
        for key, group in sorted(groups.items())
        for place, (_, item) in enumerate(_shuffled(group))
    ]
    return [item for _, _, item in sorted(placed, key=lambda each: each[:2])[:n]]


def _shuffled(group: list[tuple[float, Item]]) -> list[tuple[float, Item]]:
    """The group in an order of which every beginning is spread over the whole: by bit-reversed positions."""
    bits = max(1, (len(group) - 1).bit_length())
    order = sorted(range(len(group)), key=lambda i: int(f"{i:0{bits}b}"[::-1], 2))
    return [group[i] for i in order]


class _LabWorkspace(Workspace):
    """Workspace whose encoders are the page's own, so that no model is in memory twice."""

    lab: Lab

    @property
    def encoders(self) -> dict[Seat, Encoder]:
        """The encoders of the seats that can be loaded. Raises CheckpointError when the reference is not among them."""
        loaded: dict[Seat, Encoder] = {}
        for seat in self.seats:
            try:
                loaded[seat] = self.lab.encoders[seat.key]
            except SafeClipError:  # its column of the page says why
                if seat is self.seats[0]:
                    raise
        return loaded


@dataclass(frozen=True)
class _Part:
    """Part of a gallery, as `embed_pending` reads a whole one."""

    reader: GalleryReader
    contents: dict[str, Contents]

    def __getitem__(self, modality: str) -> Contents:
        return self.contents[modality]


@dataclass
class _Making:
    """One making: what is reported of it, and how long a row takes."""

    lab: Lab
    spec: RetrievalSpec
    report: Report
    step: MakingStep = MakingStep("")
    seconds_a_row: float = 0.0
    judges: list[ImageJudge] | None = None
    taken: dict[str, Any] = field(default_factory=dict)
    work: _LabWorkspace = field(init=False)

    def __post_init__(self) -> None:
        profile = self.lab.profile
        self.work = _LabWorkspace(profile, profile.seats, gallery_folder(self.spec), index_folder(profile))
        self.work.lab = self.lab

    def say(self, stage: str, done: int = 0, total: int = 0, seconds: float | None = None) -> None:
        self.step = MakingStep(stage, done, total, seconds, self.step.searchable)
        self.report(self.step)

    def take_in(self, source: str, limit: int | None) -> None:
        """Imports the source, or its first `limit` images, judged where it says nothing itself.

        A gallery from which something was deleted or changed in the source, or that lacks a judge, is made anew.
        """
        self.say("reading the pictures")
        gallery = self.work.gallery_path
        if self.judges is None:
            self.judges = _open_judges(self.spec.judges)
            self.taken = state_of_source(source, [judge.name for judge in self.judges])
            if remove_outdated(gallery, self.taken):
                self.say("reading the pictures anew, as some have changed")
        progress = _Progress(self, "reading the pictures")
        import_source(source, gallery, SourceOptions(limit=limit), progress, self.judges)
        note_taken(gallery, self.taken)
        self.work.__dict__.pop("gallery", None)  # read again: it has grown
        self.lab.gallery.refresh()

    def embed(self, limit: int | None) -> bool:
        """Embeds what is missing of the gallery, or of a part of `limit` rows. Returns whether anything changed."""
        gallery, items = self.work.gallery, self.lab.gallery.items
        part: Embeddable = gallery
        if limit is not None and limit < len(items):
            chosen = spread(items, limit)
            ids = {"images": [i.image_id for i in chosen], "captions": [i.caption_id for i in chosen]}
            part = _Part(gallery.reader, {name: _only(gallery[name], ids[name]) for name in MODALITIES})
        self._estimate(len(part["images"].ids))
        count = 0
        for modality in MODALITIES:
            count += embed_pending(
                self.work.store,
                part,
                modality,
                self.work.encoders,
                _Progress(self, f"embedding {modality}"),
                find_engine("local"),
                batch_size=_BATCH,
                shard_rows=_SHARD_ROWS,
                workers=0,  # the page's process holds models and threads, which its children would copy
            )
        self._embedded = len(part["images"].ids)
        return bool(count) or self.step.searchable < self._embedded

    def assemble(self) -> None:
        """Puts the embeddings into the indexes in use."""
        self.say("writing the index")
        assemble(self.work, IndexPlan(), BuildProgress(quiet=True))
        self.step = replace(self.step, searchable=self._embedded)
        self.report(self.step)

    def _estimate(self, rows: int) -> None:
        """Says how long the embedding will take, by one picture and one caption under each encoder."""
        if not self.seconds_a_row and len(self.lab.gallery):
            first = self.lab.gallery.items[0]
            try:
                picture, text = self.lab.gallery.image(first.image_id), first.caption or "-"
            except GalleryError:  # damaged: it is left out when its turn comes
                picture, text = Image.new("RGB", _USUAL_SIZE), "-"
            for _ in range(2):  # the first call of a model is slower than all others
                started = time.perf_counter()
                for encoder in self.work.encoders.values():
                    encoder.encode_images([picture])
                    encoder.encode_texts([text])
                self.seconds_a_row = time.perf_counter() - started
        self.say("embedding images", 0, rows, rows * self.seconds_a_row)


class _Progress(BuildProgress):
    """Reports what a stage counts to the page."""

    def __init__(self, making: _Making, stage: str) -> None:
        super().__init__(quiet=True)
        self._making, self._stage = making, stage

    @contextmanager
    def counting(self, what: str, total: int | None, done: int = 0) -> Iterator[Callable[..., None]]:
        begun, started = done, time.perf_counter()

        def count(rows: int, failed: int = 0) -> None:
            nonlocal done
            done += rows
            each = (time.perf_counter() - started) / max(1, done - begun)
            self._making.say(self._stage, done, total or 0, each * (total - done) if total else None)

        yield count


def _open_judges(names: Sequence[str]) -> list[ImageJudge]:
    """The judges that can be opened here. What another one looks for is then not judged, and the page says so."""
    opened = []
    for name in names:
        try:
            opened.append(open_judge(name))
        except JudgeError:
            continue
    return opened


def _only(contents: Contents, ids: Sequence[str]) -> Contents:
    """The contents with these ids alone."""
    kept = np.isin(contents.ids, as_numbers(ids))
    return Contents(contents.ids[kept], contents.rows[kept], contents.unsafe[kept], {})
