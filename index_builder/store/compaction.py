"""Rewrites shards without the rows that are no longer wanted, and merges small ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .ledger import Fault, Record
from .shard_store import ShardStore
from .shards import Shard, read_shard

# Modality and ids (n,) int64 → which rows to keep, bool (n,).
Keep = Callable[[str, np.ndarray], np.ndarray]


@dataclass
class Rewritten:
    """Counts of a compaction: rows that were dropped, and shards before and after it."""

    dropped_rows: int = 0
    shards_before: int = 0
    shards_after: int = 0


def rewrite_shards(store: ShardStore, keep: Keep, merge_rows: int = 0) -> Rewritten:
    """Drops every row, and every record of a fault, that `keep` refuses.

    Neighbouring shards of the same encoders with fewer than half of `merge_rows` rows are merged into shards of at
    most so many. Each new shard is durable before those that it replaces are deleted; memory holds one new shard.
    """
    done = Rewritten(shards_before=_count(store))
    for group in _groups(store.ledger.records):
        together = _Replacement(store)
        for record in group:
            shard, faults = _kept(store, record, keep)
            done.dropped_rows += record.rows - len(shard.ids)
            whole = len(shard.ids) == record.rows and len(faults) == len(record.faults)
            if whole and 2 * record.rows >= merge_rows:
                continue
            if together.rows + len(shard.ids) > merge_rows:
                together.commit()
            together.add(record, shard, faults, whole)
        together.commit()
    done.shards_after = _count(store)
    return done


@dataclass
class _Replacement:
    """Shards that one new shard is to replace."""

    store: ShardStore
    records: list[Record] = field(default_factory=list)
    shards: list[Shard] = field(default_factory=list)
    faults: tuple[Fault, ...] = ()
    changed: bool = False

    @property
    def rows(self) -> int:
        return sum(len(shard.ids) for shard in self.shards)

    def add(self, record: Record, shard: Shard, faults: tuple[Fault, ...], whole: bool) -> None:
        self.records.append(record)
        if len(shard.ids):
            self.shards.append(shard)
        self.faults += faults
        self.changed |= not whole

    def commit(self) -> None:
        if self.changed or len(self.records) > 1:
            self.store.replace(self.records, _joined(self.shards), self.faults)
        self.records, self.shards, self.faults, self.changed = [], [], (), False


def _joined(shards: list[Shard]) -> Shard:
    """One shard of the rows of several with the same encoders; without any, one without rows."""
    names = shards[0].vectors if shards else ()
    vectors = {name: np.concatenate([shard.vectors[name] for shard in shards]) for name in names}
    return Shard(np.concatenate([np.empty(0, np.int64), *(shard.ids for shard in shards)]), vectors)


def _groups(records: list[Record]) -> list[list[Record]]:
    """The records of each modality with the same encoders, in the order written."""
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        groups.setdefault((record.modality, record.encoders), []).append(record)
    return list(groups.values())


def _kept(store: ShardStore, record: Record, keep: Keep) -> tuple[Shard, tuple[Fault, ...]]:
    shard = read_shard(store.folder / record.shard) if record.shard else Shard(np.empty(0, np.int64), {})
    wanted = keep(record.modality, shard.ids)
    faulty = np.array([int(fault.id, 16) for fault in record.faults], np.int64)
    faults = tuple(fault for fault, kept in zip(record.faults, keep(record.modality, faulty), strict=True) if kept)
    return Shard(shard.ids[wanted], {name: matrix[wanted] for name, matrix in shard.vectors.items()}), faults


def _count(store: ShardStore) -> int:
    return sum(record.shard is not None for record in store.ledger.records)
