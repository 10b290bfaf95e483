"""Store of embeddings: a folder of shards with its ledger. A crash loses at most the unit being embedded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from safeclip.hashing import file_sha256
from safeclip.runtime.atomic_files import TEMPORARY

from .ledger import Fault, Ledger, Record
from .shards import Shard, read_shard, write_shard

LEDGER = "ledger.jsonl"


class ShardStore:
    """Embeddings by modality and encoder fingerprint.

    Opening it drops damaged shards, whose rows are then due again (`dropped` counts the shards), and removes files
    that no record names.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Embeddings are large and can be computed again: a repository that holds the index should not track them.
        (self.folder / ".gitignore").write_text("*\n")
        self.ledger = Ledger(self.folder / LEDGER)
        damaged = damaged_shards(self.folder, self.ledger)
        self.dropped = len(damaged)
        if damaged:
            self.ledger.replace(record for record in self.ledger.records if record not in damaged)
        named = {record.shard for record in self.ledger.records}
        for path in self.folder.iterdir():
            if path.name.endswith(TEMPORARY) or (path.suffix == ".safetensors" and path.name not in named):
                path.unlink()

    def commit(self, modality: str, planned: int, shard: Shard, faults: tuple[Fault, ...]) -> None:
        """Makes a finished unit durable: its shard, then its record. Known faults are not recorded again."""
        known = self.ledger.faults(modality)
        faults = tuple(fault for fault in faults if known.get(fault.id) != fault)
        record = self._write(modality, tuple(sorted(shard.vectors)), planned, shard, faults)
        if record.shard or faults:
            self.ledger.append(record)

    def replace(self, old: list[Record], shard: Shard, faults: tuple[Fault, ...]) -> None:
        """Puts one shard, and the faults, in the place of several records of one modality and the same encoders."""
        modality, encoders = old[0].modality, old[0].encoders
        record = self._write(modality, encoders, len(shard.ids) + len(faults), shard, faults)
        rest = {id(each) for each in old[1:]}
        records = [record if each is old[0] else each for each in self.ledger.records if id(each) not in rest]
        self.ledger.replace(each for each in records if each.shard or each.faults)
        for each in old:
            if each.shard:
                (self.folder / each.shard).unlink()

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return sum((self.folder / record.shard).stat().st_size for record in self.ledger.records if record.shard)

    def done(self, modality: str, encoder: str) -> np.ndarray:
        """The ids (n,) int64 that have an embedding by `encoder`."""
        ids = [read_shard(self.folder / name, []).ids for name in self.ledger.shards(modality, encoder)]
        return np.concatenate(ids) if ids else np.empty(0, np.int64)

    def shards(self, modality: str, encoder: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids (n,) int64 and vectors (n, d) float32 of one shard after another, in the order written."""
        for name in self.ledger.shards(modality, encoder):
            shard = read_shard(self.folder / name, [encoder])
            yield shard.ids, shard.vectors[encoder]

    def _write(
        self, modality: str, encoders: tuple[str, ...], planned: int, shard: Shard, faults: tuple[Fault, ...]
    ) -> Record:
        """Writes a shard, unless it is empty; returns the record to make of it."""
        name = digest = None
        if len(shard.ids):
            name = f"{modality}-{self._next_number():05d}.safetensors"
            digest = write_shard(self.folder / name, shard)
        return Record(modality, encoders, planned, len(shard.ids), name, digest, faults)

    def _next_number(self) -> int:
        numbers = [int(record.shard.split("-")[1].split(".")[0]) for record in self.ledger.records if record.shard]
        return max(numbers, default=-1) + 1


def damaged_shards(folder: Path, ledger: Ledger) -> list[Record]:
    """The records whose shard is missing or altered."""

    def is_sound(record: Record) -> bool:
        if record.shard is None:
            return True
        path = folder / record.shard
        return path.is_file() and file_sha256(path) == record.sha256

    return [record for record in ledger.records if not is_sound(record)]
