"""Ledger of finished units of work. A shard that it does not record is ignored and removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from safeclip.errors import IndexCorruptError
from safeclip.runtime.atomic_files import sync_folder, write_atomically


@dataclass(frozen=True)
class Fault:
    """A row that cannot be embedded: its content id, its place in the gallery (`source`), and the reason."""

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


class Ledger:
    """Append-only JSON lines, each fsynced before `append` returns.

    A line cut short by a crash is dropped when the ledger is opened; a bad line before the last is damage and
    raises IndexCorruptError.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.records: list[Record] = []
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self.records.append(_parse(line))
            except (ValueError, TypeError, KeyError) as error:
                raise IndexCorruptError(
                    f"{self.path}, line {number}: this is not a ledger record ({error}). Build with --fresh."
                ) from error
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))

    def append(self, record: Record) -> None:
        """Records a finished unit; its shard file must already be in place."""
        new = not self.path.exists()
        with open(self.path, "ab") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self.path.parent)
        self.records.append(record)

    def keep(self, records: Iterable[Record]) -> None:
        """Replaces the whole ledger by `records`, atomically."""
        self.records = list(records)
        write_atomically(self.path, b"".join(map(_line, self.records)))

    def faults(self, modality: str) -> dict[str, Fault]:
        """Every fault ever recorded for `modality`, by id; a later success does not remove it here."""
        return {fault.id: fault for record in self.of(modality) for fault in record.faults}

    def of(self, modality: str, encoder: str | None = None) -> list[Record]:
        """The records of one modality, in the order written; with `encoder`, those that hold its vectors."""
        return [
            record
            for record in self.records
            if record.modality == modality and (encoder is None or (record.shard and encoder in record.encoders))
        ]


def _line(record: Record) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _parse(line: bytes) -> Record:
    fields = json.loads(line)
    fields["faults"] = tuple(Fault(**fault) for fault in fields["faults"])
    fields["encoders"] = tuple(fields["encoders"])
    return Record(**fields)
