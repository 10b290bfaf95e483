"""Ledger of finished units of work. A shard that it does not record is ignored and removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .append_log import AppendLog


@dataclass(frozen=True)
class Fault:
    """A row that cannot be embedded.

    `id` is its content id, `source` its place in the gallery, and `reason` what kept it from being embedded.
    """

    id: str
    source: str
    reason: str


@dataclass(frozen=True)
class Record:
    """One finished unit: of its `planned` rows, `rows` are in the shard and the others are `faults`.

    `shard` and `sha256` are `None` when no row of the unit could be embedded, so that there is no file.
    """

    modality: str
    encoders: tuple[str, ...]
    planned: int
    rows: int
    shard: str | None
    sha256: str | None
    faults: tuple[Fault, ...] = ()


class Ledger(AppendLog[Record]):
    """Log of the finished units of a shard store."""

    def __init__(self, path: Path):
        super().__init__(path, _parse, "Start again with --fresh.")

    def faults(self, modality: str) -> dict[str, Fault]:
        """Every fault ever recorded for `modality`, by id; a later success does not remove it here."""
        return {fault.id: fault for record in self.of(modality) for fault in record.faults}

    def of(self, modality: str) -> list[Record]:
        """The records of one modality, in the order written."""
        return [record for record in self.records if record.modality == modality]

    def shards(self, modality: str, encoder: str) -> list[str]:
        """The names of the shards of one modality that hold vectors of an encoder, in the order written."""
        return [record.shard for record in self.of(modality) if record.shard and encoder in record.encoders]


def _parse(fields: dict[str, Any]) -> Record:
    faults = tuple(Fault(**fault) for fault in fields["faults"])
    record = Record(**{**fields, "faults": faults, "encoders": tuple(fields["encoders"])})
    if odd := [key for key in ("planned", "rows") if type(fields[key]) is not int]:
        raise ValueError(f"“{odd[0]}” is {fields[odd[0]]!r}, and no number of rows")
    return record
