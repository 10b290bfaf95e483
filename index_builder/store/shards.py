"""Shards of embeddings: one safetensors file per unit of work, with each encoder's vectors of its rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from safeclip.errors import IndexCorruptError
from safeclip.runtime.atomic_files import write_atomically

MAX_ROWS = 65_536
_IDS = "ids"


@dataclass(frozen=True)
class Shard:
    """`ids` is int64 (n,); `vectors` maps an encoder's fingerprint to its float32 (n, d) embeddings."""

    ids: np.ndarray
    vectors: dict[str, np.ndarray]

    def __post_init__(self):
        if len(self.ids) > MAX_ROWS:
            raise ValueError(f"a shard holds at most {MAX_ROWS} rows, not {len(self.ids)}")
        for fingerprint, matrix in self.vectors.items():
            if matrix.ndim != 2 or len(matrix) != len(self.ids):
                raise ValueError(f"{fingerprint}: {matrix.shape} vectors for {len(self.ids)} ids")


def write_shard(path: Path, shard: Shard) -> str:
    """Writes a shard atomically; returns the file's sha256. Equal shards give equal bytes."""
    # One metadata key only: safetensors writes several keys in no fixed order.
    names = sorted(shard.vectors)
    tensors = {_IDS: np.ascontiguousarray(shard.ids, dtype=np.int64)}
    for number, name in enumerate(names):
        tensors[str(number)] = np.ascontiguousarray(shard.vectors[name], dtype=np.float32)
    data = save(tensors, metadata={"encoders": json.dumps(names)})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_shard(path: Path, encoders: list[str] | None = None) -> Shard:
    """Reads a shard's ids and the vectors of `encoders` (fingerprints; `None`: all, `[]`: the ids alone).

    Raises IndexCorruptError when the file is missing, truncated, or has no vectors of a wanted encoder.
    """
    try:
        with safe_open(path, framework="np") as file:
            names = json.loads((file.metadata() or {})["encoders"])
            wanted = names if encoders is None else encoders
            vectors = {name: file.get_tensor(str(names.index(name))) for name in wanted}
            return Shard(file.get_tensor(_IDS), vectors)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise IndexCorruptError(
            f"The shard {path} cannot be read ({error}). Run the builder again: it embeds those rows again."
        ) from error
