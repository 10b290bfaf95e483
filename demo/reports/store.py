"""The store of reports: files of JSON lines in one folder, durable once `append` has returned."""

import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from safeclip.errors import SafeClipError, short_reason
from safeclip.runtime.atomic_files import sync_folder, write_atomically

log = logging.getLogger(__name__)

PATTERN = "*.jsonl"
_LOCK = ".lock"

Record = dict[str, Any]


class ReportError(SafeClipError):
    """A report cannot be kept, found or published."""


class ReportStore:
    """Records of one kind in `folder`, as `<kind>-<id>.jsonl`. Safe to call from several threads and processes.

    Each store appends to a file of its own, so that replicas of a page, each with a folder of its own, can be copied to
    one place. A process that is killed while it writes leaves the beginning of a line, which no reader takes for a
    record and the next writer removes.
    """

    def __init__(self, folder: Path, kind: str = "reports") -> None:
        self.folder = folder
        self.kind = kind
        self.file = folder / f"{kind}-{secrets.token_hex(8)}.jsonl"
        self.lock = FileLock(folder / _LOCK)

    def append(self, record: Record) -> None:
        """Writes a record and waits until it is on the disk. Raises ReportError when it cannot be kept."""
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.lock:
                is_new = not self.file.exists()
                with open(self.file, "a+b") as file:
                    _drop_torn_line(file)
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                if is_new:
                    sync_folder(self.folder)
        except OSError as error:
            raise ReportError(f"The report could not be kept ({short_reason(error).lower()}).") from error

    def records(self) -> list[Record]:
        """The whole records of all files of this kind, in the order of their files."""
        return [record for file in self._files() for record in _read(file)]

    def update(self, change: Callable[[Record], Record | None]) -> int:
        """Replaces each record by `change` of it, and drops it for None. Returns how many were changed or dropped."""
        if not self.folder.is_dir():
            return 0
        changed = 0
        with self.lock:
            for file in self._files():
                before = list(_read(file))
                after = [change(dict(record)) for record in before]
                differing = sum(new != old for new, old in zip(after, before, strict=True))
                if differing:
                    kept = [json.dumps(record, ensure_ascii=False) + "\n" for record in after if record is not None]
                    write_atomically(file, "".join(kept).encode())
                changed += differing
        return changed

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"{self.kind}-{PATTERN}"))


def _read(file: Path) -> Iterator[Record]:
    """The records of a file. A damaged line is none, nor is the beginning of one that was never finished."""
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    for line in whole.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            if line.strip():
                log.warning("%s: a line of it is damaged and left out", file)
            continue
        if isinstance(record, dict):
            yield record


def _drop_torn_line(file: BinaryIO) -> None:
    """Removes what stands behind the last line's end."""
    file.seek(0)
    data = file.read()
    if data and not data.endswith(b"\n"):
        file.truncate(data.rfind(b"\n") + 1)
