"""One index as it was made, whatever store it is in: what its manifest and the report say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safeclip.encoders.geometry import Modality
from safeclip.hashing import file_sha256


@dataclass(frozen=True)
class MadeIndex:
    """An index of one modality: the `file` that the library opens it by, and how it was made.

    `recall` is its recall@10 by kind of query, None where there were no queries.
    """

    file: Path
    store: str
    count: int
    dtype: str
    factory: str
    reason: str
    effort: str
    recall: dict[Modality, float | None]

    def about(self) -> dict[str, Any]:
        """What the manifest says of the file."""
        return {
            "sha256": file_sha256(self.file),
            "bytes": self.file.stat().st_size,
            "count": self.count,
            "factory": self.factory,
            "recall@10": self.recall,
        }
