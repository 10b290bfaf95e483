"""Append-only log of finished work, which survives a crash at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from safeclip.errors import IndexCorruptError
from safeclip.runtime.atomic_files import sync_folder, write_atomically

R = TypeVar("R")


class AppendLog(Generic[R]):
    """Records (dataclasses) as JSON lines, each fsynced before `append` returns.

    A line cut short by a crash is dropped when the log is opened; a bad line before the last is damage and raises
    IndexCorruptError, whose message ends with the `remedy`. `parse` makes a record of a line's JSON object.
    """

    def __init__(self, path: Path, parse: Callable[[dict[str, Any]], R], remedy: str):
        self.path = Path(path)
        self.records: list[R] = []
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self.records.append(parse(json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise IndexCorruptError(
                    f"{self.path}, line {number}: this is not a record ({error}). {remedy}"
                ) from error
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))

    def append(self, record: R) -> None:
        """Records finished work; the files that the record names must already be in place."""
        new = not self.path.exists()
        with open(self.path, "ab") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self.path.parent)
        self.records.append(record)

    def replace(self, records: Iterable[R]) -> None:
        """Replaces the whole log by `records`, atomically."""
        self.records = list(records)
        write_atomically(self.path, b"".join(map(_line, self.records)))


def _line(record: Any) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False, sort_keys=True).encode() + b"\n"
