"""Finds the rows that still lack an embedding, and embeds them a unit at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import numpy as np

from safeclip.encoders import Encoder
from safeclip.profiles import Seat

from ..gallery.reader import GalleryReader
from ..gallery.rows import Contents, as_numbers
from ..progress import BuildProgress
from ..store.shard_store import ShardStore
from ..store.shards import Shard
from .batches import EmbeddedBatch, EmbeddingTask, EngineFor, batches
from .cores import worker_count


class Embeddable(Protocol):
    """A gallery, or a part of one: what it holds by modality, and what reads its rows."""

    @property
    def reader(self) -> GalleryReader: ...

    def __getitem__(self, modality: str) -> Contents: ...


def embed_pending(
    store: ShardStore,
    gallery: Embeddable,
    modality: str,
    encoders: Mapping[Seat, Encoder],
    progress: BuildProgress,
    engine_for: EngineFor,
    *,
    batch_size: int,
    shard_rows: int,
    device: str | None = None,
    workers: int | None = None,
) -> int:
    """Embeds the rows that an encoder still lacks, each unit durable before the next; returns the number embedded.

    Encoders that lack the same rows share their reading, decoding and preprocessing. Rows that failed in an earlier
    build are tried again after the new ones, so that they do not shift the units of a resumed build. `workers` are the
    processes that decode images, None for as many as suit their number.
    """
    count = 0
    failed = as_numbers(store.ledger.faults(modality))
    contents = gallery[modality]
    for due, group in _due(store, contents.ids, modality, encoders):
        images = int(due.sum()) if modality == "images" else 0
        processes = worker_count(workers, images) if images else 0
        engine = engine_for(EmbeddingTask(gallery.reader, tuple(group), tuple(group.values()), device, processes))
        again = np.isin(contents.ids, failed)
        with progress.counting(modality, int(due.sum())) as counter:
            for rows in (contents.rows[due & ~again], contents.rows[due & again]):
                results = engine(batches(rows, modality, batch_size=batch_size, unit_rows=shard_rows))
                for _, parts in groupby(_counted(results, counter), key=attrgetter("unit")):
                    count += _commit(store, modality, list(parts))
    return count


def _due(
    store: ShardStore, ids: np.ndarray, modality: str, encoders: Mapping[Seat, Encoder]
) -> list[tuple[np.ndarray, dict[Seat, Encoder]]]:
    """Masks (n,) of the ids that are due, each with the seats that lack exactly those.

    Of seats that share one encoder only the first counts.
    """
    distinct: dict[str, tuple[Seat, Encoder]] = {}
    for seat, encoder in encoders.items():
        distinct.setdefault(encoder.fingerprint, (seat, encoder))
    groups: dict[str, tuple[np.ndarray, dict[Seat, Encoder]]] = {}
    for seat, encoder in distinct.values():
        due = ~np.isin(ids, store.done(modality, encoder.fingerprint))
        if due.any():
            groups.setdefault(hashlib.sha256(due.tobytes()).hexdigest(), (due, {}))[1][seat] = encoder
    return list(groups.values())


def _counted(results: Iterable[EmbeddedBatch], counter: Callable[..., None]) -> Iterator[EmbeddedBatch]:
    for result in results:
        yield result
        counter(result.planned, failed=len(result.faults))


def _commit(store: ShardStore, modality: str, parts: list[EmbeddedBatch]) -> int:
    ids = np.concatenate([part.ids for part in parts])
    vectors = {name: np.concatenate([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    faults = tuple(fault for part in parts for fault in part.faults)
    store.commit(modality, sum(part.planned for part in parts), Shard(ids, vectors), faults)
    return len(ids)
