"""What is still to embed, and embedding it a unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np

from safeclip.encoders import Encoder

from ..progress import BuildProgress
from ..sources.gallery import Source
from ..store.shard_store import Store
from ..store.shards import Shard
from .local import EmbeddedBatch, Engine, batches, embed_here

EngineFor = Callable[[Sequence[Encoder]], Engine]


def embed_pending(
    store: Store,
    source: Source,
    modality: str,
    encoders: Sequence[Encoder],
    progress: BuildProgress,
    *,
    batch_size: int,
    shard_rows: int,
    engine_for: EngineFor = embed_here,
) -> int:
    """Embed the rows that an encoder still lacks, each unit durable before the next; returns how many.

    Encoders that lack the same rows share one reading, decoding and preprocessing of them. Rows that failed
    in an earlier build are tried again, after the new ones, so that they do not shift the units of a resumed
    build.
    """
    count = 0
    for due, group in _due(store, source.ids(modality), modality, encoders):
        failed = store.ledger.faults(modality)
        new = [id for id in due if id not in failed]
        again = [id for id in due if id in failed]
        with progress.counting(modality, len(due)) as counter:
            for ids in (new, again):
                rows = source.read(modality, ids)
                work = batches(rows, modality, batch_size=batch_size, unit_rows=shard_rows)
                results = _counted(engine_for(group)(work), counter)
                for _, parts in groupby(results, key=attrgetter("unit")):
                    count += _commit(store, modality, list(parts))
    return count


def _due(
    store: Store, ids: list[str], modality: str, encoders: Sequence[Encoder]
) -> list[tuple[list[str], list[Encoder]]]:
    """The rows due, with the encoders that lack just those. Seats that share one encoder count once."""
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


def _commit(store: Store, modality: str, parts: list[EmbeddedBatch]) -> int:
    ids = np.concatenate([part.ids for part in parts])
    vectors = {name: np.concatenate([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    faults = tuple(fault for part in parts for fault in part.faults)
    store.commit(modality, sum(part.planned for part in parts), Shard(ids, vectors), faults)
    return len(ids)
