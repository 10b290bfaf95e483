"""Estimates what an import or a build will take, from a short measured sample; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engines.batches import EmbeddingTask, batches, embed_batch, one_torch_thread
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
    from PIL import Image

    from safeclip.encoders import Encoder
    from safeclip.judges.scores import ImageJudge

_ITEMS = 64  # of a source that are checked
_BATCHES = 2  # of each modality that are embedded


@dataclass(frozen=True)
class Sampled:
    """What a source holds, by its first items: `text` says what storing it takes.

    `rows` counts by modality what would be stored, None where the source does not know its size. `images` and
    `captions` are those of the sample.
    """

    text: str
    rows: dict[str, int] | None
    images: list[Image.Image]
    captions: list[str]


def sample_source(spec: str, gallery: Path, options: SourceOptions, judges: Sequence[ImageJudge] = ()) -> Sampled:
    """Checks and labels the source's first items; says how many it holds, and what storing all of them takes."""
    source = open_source(spec, options)
    blocklist = Hashes.read(*([options.blocklist] if options.blocklist else []), *gallery.glob(PURGED))
    check = partial(check_item, blocklist=blocklist, max_side=options.max_side, thumbnails=options.thumbnails)
    started = time.perf_counter()
    checked = list(check_all(islice(source.items(), _ITEMS), check))
    good = [each for each in checked if not each.fault]
    Labeller(options.unsafe, judges).label(good)
    seconds = (time.perf_counter() - started) / max(len(checked), 1)
    images, captions = [each.decoded for each in good], [text for each in good if (text := each.item.caption.strip())]
    if source.count is None:
        text = f"{spec}: how many images it holds is not known before it is read; {1 / seconds:,.0f} a second here"
        return Sampled(text, None, images, captions)
    share = len(good) / max(len(checked), 1)
    size = sum(len(each.data) + len(each.thumbnail) for each in good) / max(len(good), 1)
    rows = {"images": round(source.count * share)}
    rows["captions"] = round(rows["images"] * len(captions) / max(len(good), 1))
    text = (
        f"{spec}: {source.count:,} images, of the first {len(checked):,} {share:.0%} usable; about "
        f"{_size(source.count * share * size)} on disk and {duration(source.count * seconds)}"
    )
    return Sampled(text, rows, images, captions)


def estimate_new(work: Workspace, options: BuildOptions, sources: Sequence[Sampled]) -> str:
    """Embeds the samples of sources that no gallery holds yet; says what embedding and indexing of all takes."""
    if any(each.rows is None for each in sources):
        return "What embedding takes is known when the sources are imported: give `build --dry-run` again then."
    encoders = _distinct(work)
    samples = {name: [one for each in sources for one in getattr(each, name)] for name in MODALITIES}
    rows = {name: sum(each.rows[name] for each in sources if each.rows) for name in MODALITIES}
    seconds = 0.0
    for encoder in encoders:
        for name, encode in (("images", encoder.encode_images), ("captions", encoder.encode_texts)):
            if samples[name]:
                with one_torch_thread():
                    encode(samples[name][:1])  # warms up
                    started = time.perf_counter()
                    encode(samples[name])
                spent = (time.perf_counter() - started) / len(samples[name])
                seconds += rows[name] * spent / _at_once(encoders)
    return _costs(IndexPlan.of(options), encoders, rows, rows, seconds)


def estimate_build(work: Workspace, options: BuildOptions) -> str:
    """Embeds a few batches that are due; says how many rows are due, and what embedding and indexing them takes.

    Raises BuildError for a kind of index that cannot be made.
    """
    gallery, encoders = work.gallery, _distinct(work)
    if not len(gallery):
        raise BuildError(f"{gallery.path}: the gallery has no rows, so there is nothing to index.")
    due = {modality: _due(work, gallery, modality, encoders) for modality in MODALITIES}
    seconds = sum(len(rows) * _sampled(work, rows, modality, options.batch_size) for modality, rows in due.items())
    totals = {modality: len(gallery[modality]) for modality in MODALITIES}
    return _costs(IndexPlan.of(options), encoders, totals, {key: len(rows) for key, rows in due.items()}, seconds)


def _costs(
    plan: IndexPlan, encoders: Sequence[Encoder], totals: dict[str, int], due: dict[str, int], seconds: float
) -> str:
    """What embedding the rows that are `due`, and indexing the `totals` by modality, takes."""
    lines = [f"{name}: {totals[name]:,}, of which {due[name]:,} are to be embedded" for name in MODALITIES]
    disk = sum(due.values()) * sum(8 + 4 * encoder.dim for encoder in encoders)
    memory = [_index_bytes(plan, totals, encoder) for encoder in encoders]
    known = [size for size in memory if size is not None]
    if len(known) < len(memory):
        return "\n".join([*lines, f"{_size(disk)} of embeddings on disk, about {duration(seconds)}"])
    lines.append(
        f"about {_size(disk)} of embeddings and {_size(sum(known))} of indexes on disk; in memory "
        f"{_size(max(known))} for the largest seat's while they are made, and {_size(sum(known))} for all "
        f"while they are searched; {duration(seconds)} of embedding on {usable_cores()} cores"
    )
    return "\n".join(lines)


def _distinct(work: Workspace) -> list[Encoder]:
    return list({encoder.fingerprint: encoder for encoder in work.encoders.values()}.values())


def _at_once(encoders: Sequence[Encoder]) -> int:
    """How many batches are embedded at a time: one a core, or one on a GPU."""
    return usable_cores() if all(encoder.device.type == "cpu" for encoder in encoders) else 1


def _size(count: float) -> str:
    """Bytes as "0.4 MB" or "1.25 GB"."""
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _due(work: Workspace, gallery: GalleryRows, modality: str, encoders: list[Encoder]) -> np.ndarray:
    """The numbers (n,) of the rows that some encoder has not embedded; the store is only read."""
    contents, due = gallery[modality], np.zeros(len(gallery[modality]), bool)
    folder = work.output / SHARDS
    ledger = Ledger(folder / LEDGER) if (folder / LEDGER).exists() else None
    for encoder in encoders:
        names = ledger.shards(modality, encoder.fingerprint) if ledger else []
        done = [read_shard(folder / name, []).ids for name in names]
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
    with one_torch_thread():  # as a build does
        embed_batch(sample[0], task)
        started = time.perf_counter()
        for batch in sample:
            embed_batch(batch, task)
        seconds = (time.perf_counter() - started) / sum(len(batch.rows) for batch in sample)
    return seconds / _at_once(distinct)


def _index_bytes(plan: IndexPlan, totals: dict[str, int], encoder: Encoder) -> int | None:
    """Bytes of a seat's indexes; None for a factory whose size is not known."""
    total = sum(totals.values())
    sizes = [plan.candidates(totals[modality], encoder.dim, total)[0].bytes for modality in MODALITIES]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
