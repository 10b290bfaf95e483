"""Embeds batches of rows with every encoder. An engine decides where that runs.

An engine is a function from an iterable of `Batch` to an iterator of `EmbeddedBatch` in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from safeclip.encoders import Encoder
from safeclip.profiles import Seat

from ..gallery.reader import GalleryReader
from ..store.ledger import Fault
from .preparing import Batch, Preparation, Prepared, prepare


@dataclass(frozen=True)
class EmbeddedBatch:
    """A batch's result: `ids` int64 (n,), `vectors` float32 (n, d) by encoder fingerprint, and `faults`.

    n is 0 when every row of the batch is at fault.
    """

    unit: int
    planned: int
    ids: np.ndarray
    vectors: dict[str, np.ndarray]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class EmbeddingTask:
    """What an engine embeds and with what: the gallery's rows, and the encoders of these seats, on this device.

    `encoders` has one encoder for each fingerprint, `seats` the seat that each was loaded for, in the same order.
    `workers` processes decode images, and on a CPU embed them; with 0 of them, threads of this process do.
    """

    reader: GalleryReader
    seats: tuple[Seat, ...]
    encoders: tuple[Encoder, ...]
    device: str | None = None
    workers: int = 0

    @cached_property
    def preparation(self) -> Preparation:
        """How the encoders' inputs are made, which needs none of their weights."""
        return Preparation.of(self.reader, self.encoders)


Engine = Callable[[Iterable[Batch]], Iterator[EmbeddedBatch]]
EngineFor = Callable[[EmbeddingTask], Engine]


def batches(rows: np.ndarray, modality: str, *, batch_size: int, unit_rows: int) -> Iterator[Batch]:
    """Cuts `rows` (n,) into units of `unit_rows`, and each unit into batches of at most `batch_size`.

    The cuts depend only on the rows that are still due. A build resumed at the beginning of a unit therefore makes
    the same batches as an uninterrupted one, and bit for bit the same embeddings.
    """
    for unit, start in enumerate(range(0, len(rows), unit_rows)):
        due = rows[start : start + unit_rows]
        for begin in range(0, len(due), batch_size):
            yield Batch(modality, unit, due[begin : begin + batch_size])


def embed_batch(batch: Batch, task: EmbeddingTask) -> EmbeddedBatch:
    """Prepares and embeds one batch."""
    return finish(prepare(batch, task.preparation), task)


def finish(prepared: Prepared, task: EmbeddingTask) -> EmbeddedBatch:
    """Embeds a prepared batch with every encoder. A row without a finite vector from each is a fault."""
    rows = prepared.rows
    vectors = {encoder.fingerprint: _embed(prepared, encoder) for encoder in task.encoders}
    finite = np.ones(len(rows), bool)
    for matrix in vectors.values():
        finite &= np.isfinite(matrix).all(axis=1)
    odd = [
        Fault(row.id, row.source, "an encoder computed an embedding that is not finite")
        for row, good in zip(rows, finite, strict=True)
        if not good
    ]
    return EmbeddedBatch(
        unit=prepared.batch.unit,
        planned=len(prepared.batch.rows),
        ids=np.array([int(row.id, 16) for row in rows], np.int64)[finite],
        vectors={fingerprint: matrix[finite] for fingerprint, matrix in vectors.items()},
        faults=prepared.faults + tuple(odd),
    )


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Lets torch use one thread a computation inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _embed(prepared: Prepared, encoder: Encoder) -> np.ndarray:
    """The embeddings (n, d) of a prepared batch by one encoder."""
    if not prepared.rows:
        return np.empty((0, encoder.dim), np.float32)
    if prepared.batch.modality == "images":
        return encoder.embed_pixels(torch.from_numpy(prepared.inputs[encoder.preprocessing_hash]))
    return encoder.embed_tokens(prepared.inputs[encoder.tokenizer_hash])
