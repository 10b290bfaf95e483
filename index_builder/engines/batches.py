"""Embeds batches of rows with every encoder. An engine decides where that runs.

An engine is a function from an iterable of `Batch` to an iterator of `EmbeddedBatch` in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from safeclip.encoders import Encoder
from safeclip.errors import ImageError
from safeclip.images.loading import open_image
from safeclip.profiles import Seat

from ..gallery.reader import GalleryReader, Row
from ..store.ledger import Fault


@dataclass(frozen=True)
class Batch:
    """Rows of the gallery to embed together: their numbers (n,) int64. `unit` numbers the shard that they belong to."""

    modality: str
    unit: int
    rows: np.ndarray


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
    """

    reader: GalleryReader
    seats: tuple[Seat, ...]
    encoders: tuple[Encoder, ...]
    device: str | None = None


Engine = Callable[[Iterable[Batch]], Iterator[EmbeddedBatch]]


@dataclass(frozen=True)
class Prepared:
    """A decoded batch: `inputs` are pixels or tokens, by the hash of the preprocessing or tokenizer that made them."""

    batch: Batch
    rows: list[Row]
    inputs: dict[str, Any]
    faults: tuple[Fault, ...]


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
    return finish(prepare(batch, task), task)


def prepare(batch: Batch, task: EmbeddingTask) -> Prepared:
    """Reads and decodes the rows, records unusable ones as faults, and preprocesses the others once for each kind."""
    rows, contents, faults = [], [], []
    for row in task.reader.read(batch.modality, batch.rows):
        try:
            if row.fault:
                raise ImageError(row.fault)
            contents.append(open_image(row.content) if batch.modality == "images" else row.content)
            rows.append(row)
        except ImageError as error:
            faults.append(Fault(row.id, row.source, str(error)))
    kinds = {_kind(batch.modality, encoder): encoder for encoder in task.encoders}
    inputs = {
        kind: encoder.pixels(contents) if batch.modality == "images" else encoder.tokenize(contents)
        for kind, encoder in kinds.items()
    }
    return Prepared(batch, rows, inputs, tuple(faults))


def finish(prepared: Prepared, task: EmbeddingTask) -> EmbeddedBatch:
    """Embeds a prepared batch with every encoder. A row without a finite vector from each is a fault."""
    modality, n = prepared.batch.modality, len(prepared.rows)
    vectors = {}
    for encoder in task.encoders:
        inputs = prepared.inputs[_kind(modality, encoder)]
        embed = encoder.embed_pixels if modality == "images" else encoder.embed_tokens
        vectors[encoder.fingerprint] = embed(inputs) if n else np.empty((0, encoder.dim), np.float32)
    finite = np.ones(n, bool)
    for matrix in vectors.values():
        finite &= np.isfinite(matrix).all(axis=1)
    odd = [
        Fault(row.id, row.source, "an encoder computed an embedding that is not finite")
        for row, good in zip(prepared.rows, finite, strict=True)
        if not good
    ]
    return EmbeddedBatch(
        unit=prepared.batch.unit,
        planned=len(prepared.batch.rows),
        ids=np.array([int(row.id, 16) for row in prepared.rows], np.int64)[finite],
        vectors={fingerprint: matrix[finite] for fingerprint, matrix in vectors.items()},
        faults=prepared.faults + tuple(odd),
    )


def _kind(modality: str, encoder: Encoder) -> str:
    return encoder.preprocessing_hash if modality == "images" else encoder.tokenizer_hash
