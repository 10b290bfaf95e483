"""Estimates what an import or a build will take, from a short measured sample; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engines.batches import EmbeddingTask, batches, embed_batch
from ..engines.cores import usable_cores
from ..errors import BuildError
from ..gallery.checking import check_all, check_item
from ..gallery.files import PURGED
from ..gallery.hashes import Hashes
from ..gallery.labels import Labeller
from ..gallery.rows import MODALITIES, GalleryRows
from ..indexes.plan import IndexPlan
from ..options import BuildOptions, SourceOptions
from ..progress import duration
from ..sources import open_source
from ..store.ledger import Ledger
from ..store.shard_store import LEDGER
from ..store.shards import read_shard
from ..workspace import SHARDS, Workspace

if TYPE_CHECKING:
    from safeclip.encoders import Encoder
    from safeclip.judges.scores import ImageJudge

_ITEMS = 64  # of a source that are checked
_BATCHES = 2  # of each modality that are embedded
_GB = 1e9


def estimate_import(spec: str, gallery: Path, options: SourceOptions, judges: Sequence[ImageJudge] = ()) -> str:
    """Checks and labels the source's first items; says how many it holds, and what storing all of them takes."""
    source = open_source(spec, options)
    blocklist = Hashes.read(*([options.blocklist] if options.blocklist else []), *gallery.glob(PURGED))
    check = partial(check_item, blocklist=blocklist, max_side=options.max_side, thumbnails=options.thumbnails)
    started = time.perf_counter()
    checked = list(check_all(islice(source.items(), _ITEMS), check))
    good = [each for each in checked if not each.fault]
    Labeller(options.unsafe, judges).label(good)
    seconds = (time.perf_counter() - started) / max(len(checked), 1)
    if source.count is None:
        return f"{spec}: how many images it holds is not known before it is read; {1 / seconds:,.0f} a second here"
    share = len(good) / max(len(checked), 1)
    size = sum(len(each.data) + len(each.thumbnail) for each in good) / max(len(good), 1)
    return (
        f"{spec}: {source.count:,} images, of the first {len(checked):,} {share:.0%} usable; about "
        f"{source.count * share * size / _GB:,.2f} GB on disk and {duration(source.count * seconds)}"
    )


def estimate_build(work: Workspace, options: BuildOptions) -> str:
    """Embeds a few batches that are due; says how many rows are due, and what embedding and indexing them takes.

    Raises BuildError for a kind of index that cannot be made.
    """
    gallery, plan = work.gallery, IndexPlan.of(options)
    encoders = {encoder.fingerprint: (seat, encoder) for seat, encoder in work.encoders.items()}
    lines, disk, seconds = [], 0, 0.0
    for modality in MODALITIES:
        due = _due(work, gallery, modality, [encoder for _, encoder in encoders.values()])
        per_row = _sampled(work, due, modality, options.batch_size)
        disk += len(due) * sum(8 + 4 * encoder.dim for _, encoder in encoders.values())
        seconds += len(due) * per_row
        lines.append(f"{modality}: {len(gallery[modality]):,}, of which {len(due):,} are to be embedded")
    memory = [_index_bytes(plan, gallery, encoder) for _, encoder in encoders.values()]
    if any(size is None for size in memory):
        return "\n".join([*lines, f"{disk / _GB:,.2f} GB of embeddings on disk, about {duration(seconds)}"])
    total = sum(memory)
    lines.append(
        f"about {disk / _GB:,.2f} GB of embeddings and {total / _GB:,.2f} GB of indexes on disk; in memory "
        f"{max(memory) / _GB:,.2f} GB for the largest seat's while they are made, and {total / _GB:,.2f} GB for all "
        f"while they are searched; {duration(seconds)} of embedding on {usable_cores()} cores"
    )
    return "\n".join(lines)


def _due(work: Workspace, gallery: GalleryRows, modality: str, encoders: list[Encoder]) -> np.ndarray:
    """The numbers (n,) of the rows that some encoder has not embedded; the store is only read."""
    contents, due = gallery[modality], np.zeros(len(gallery[modality]), bool)
    folder = work.output / SHARDS
    ledger = Ledger(folder / LEDGER) if (folder / LEDGER).exists() else None
    for encoder in encoders:
        records = ledger.of(modality, encoder.fingerprint) if ledger else []
        done = [read_shard(folder / record.shard, []).ids for record in records]
        due |= ~np.isin(contents.ids, np.concatenate([np.empty(0, np.int64), *done]))
    return contents.rows[due]


def _sampled(work: Workspace, due: np.ndarray, modality: str, batch_size: int) -> float:
    """Seconds that a row takes when all cores, or the GPU, are busy; the first batch warms up."""
    if not len(due):
        return 0.0
    seats = {encoder.fingerprint: (seat, encoder) for seat, encoder in work.encoders.items()}
    chosen, distinct = zip(*seats.values(), strict=True)
    task = EmbeddingTask(work.gallery.reader, chosen, distinct, work.device)
    sample = list(islice(batches(due, modality, batch_size=batch_size, unit_rows=len(due)), _BATCHES))
    embed_batch(sample[0], task)
    started = time.perf_counter()
    for batch in sample:
        embed_batch(batch, task)
    seconds = (time.perf_counter() - started) / sum(len(batch.rows) for batch in sample)
    on_cpu = all(encoder.device.type == "cpu" for encoder in distinct)
    return seconds / usable_cores() if on_cpu else seconds


def _index_bytes(plan: IndexPlan, gallery: GalleryRows, encoder: Encoder) -> int | None:
    """Bytes of a seat's indexes; None for a factory whose size is not known."""
    total = sum(len(gallery[modality]) for modality in MODALITIES)
    if not total:
        raise BuildError(f"{gallery.path}: the gallery has no rows, so there is nothing to index.")
    sizes = [plan.candidates(len(gallery[modality]), encoder.dim, total)[0].bytes for modality in MODALITIES]
    return None if any(size is None for size in sizes) else sum(sizes)
