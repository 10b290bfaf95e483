"""Finds the rows that still lack an embedding, and embeds them a unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np

from safeclip.encoders import Encoder

from ..gallery.rows import GalleryRows
from ..progress import BuildProgress
from ..store.shard_store import ShardStore
from ..store.shards import Shard
from .local import EmbeddedBatch, Engine, batches, local_engine

EngineFor = Callable[[Sequence[Encoder]], Engine]


def embed_pending(
    store: ShardStore,
    gallery: GalleryRows,
    modality: str,
    encoders: Sequence[Encoder],
    progress: BuildProgress,
    *,
    batch_size: int,
    shard_rows: int,
    engine_for: EngineFor = local_engine,
) -> int:
    """Embeds the rows that an encoder still lacks, each unit durable before the next; returns the number embedded.

    Encoders that lack the same rows share their reading, decoding and preprocessing. Rows that failed in an earlier
    build are tried again after the new ones, so that they do not shift the units of a resumed build.
    """
    count = 0
    for due, group in _due(store, gallery.ids(modality), modality, encoders):
        failed = store.ledger.faults(modality)
        new = [id for id in due if id not in failed]
        again = [id for id in due if id in failed]
        with progress.counting(modality, len(due)) as counter:
            for ids in (new, again):
                rows = gallery.read(modality, ids)
                work = batches(rows, modality, batch_size=batch_size, unit_rows=shard_rows)
                results = _counted(engine_for(group)(work), counter)
                for _, parts in groupby(results, key=attrgetter("unit")):
                    count += _commit(store, modality, list(parts))
    return count


def _due(
    store: ShardStore, ids: list[str], modality: str, encoders: Sequence[Encoder]
) -> list[tuple[list[str], list[Encoder]]]:
    """Groups of ids that are due, each with the encoders that lack exactly those. Seats with one encoder count once."""
    groups: dict[tuple[str, ...], dict[str, Encoder]] = {}
    for encoder in encoders:
        done = store.done(modality, encoder.fingerprint)
        due = tuple(id for id in ids if int(id, 16) not in done)
        groups.setdefault(due, {})[encoder.fingerprint] = encoder
    return [(list(due), list(group.values())) for due, group in groups.items() if due]


def _counted(results: Iterable[EmbeddedBatch], counter: Callable[[int], None]) -> Iterator[EmbeddedBatch]:
    for result in results:
        yield result
        counter(result.planned)


def _commit(store: ShardStore, modality: str, parts: list[EmbeddedBatch]) -> int:
    ids = np.concatenate([part.ids for part in parts])
    vectors = {name: np.concatenate([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    faults = tuple(fault for part in parts for fault in part.faults)
    store.commit(modality, sum(part.planned for part in parts), Shard(ids, vectors), faults)
    return len(ids)
