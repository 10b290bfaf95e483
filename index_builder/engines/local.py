"""Embeds batches of rows with every encoder, and the engine that does so in this process.

An engine is a function from an iterable of `Batch` to an iterator of `EmbeddedBatch` in the same order. An engine
that spreads over machines maps `embed_batch` over workers that hold the encoders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from safeclip.encoders import Encoder
from safeclip.errors import ImageError
from safeclip.images.loading import open_image

from ..gallery.rows import Row, mismatch
from ..store.ledger import Fault

WORKERS = 2


@dataclass(frozen=True)
class Batch:
    """Rows to embed together; `unit` numbers the shard that they belong to."""

    modality: str
    unit: int
    rows: tuple[Row, ...]


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


Engine = Callable[[Iterable[Batch]], Iterator[EmbeddedBatch]]


@dataclass(frozen=True)
class Prepared:
    """A decoded batch: `inputs` are pixels or tokens, by the hash of the preprocessing or tokenizer that made them."""

    batch: Batch
    ids: list[str]
    inputs: dict[str, Any]
    faults: tuple[Fault, ...]


def batches(rows: Iterable[Row], modality: str, *, batch_size: int, unit_rows: int) -> Iterator[Batch]:
    """Cuts `rows` into units of `unit_rows`, and each unit into batches of at most `batch_size`.

    The cuts depend only on the rows that are still due. A build resumed at the beginning of a unit therefore makes
    the same batches as an uninterrupted one, and bit for bit the same embeddings.
    """
    rows = iter(rows)
    unit, left = 0, unit_rows
    while chunk := tuple(islice(rows, min(batch_size, left))):
        yield Batch(modality, unit, chunk)
        left -= len(chunk)
        if not left:
            unit, left = unit + 1, unit_rows


def local_engine(encoders: Sequence[Encoder], workers: int = WORKERS) -> Engine:
    """Engine of this process: `workers` threads prepare the next batches while one batch is embedded."""

    def run(batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
        waiting: deque = deque()
        with ThreadPoolExecutor(workers, "prepare") as pool:
            for batch in batches:
                waiting.append(pool.submit(prepare, batch, encoders))
                if len(waiting) > workers:
                    yield finish(waiting.popleft().result(), encoders)
            while waiting:
                yield finish(waiting.popleft().result(), encoders)

    return run


def embed_batch(batch: Batch, encoders: Sequence[Encoder]) -> EmbeddedBatch:
    """Prepares and embeds one batch, for engines whose workers take a batch at a time."""
    return finish(prepare(batch, encoders), encoders)


def prepare(batch: Batch, encoders: Sequence[Encoder]) -> Prepared:
    """Decodes the rows, records unusable ones as faults, and preprocesses the others once for each preprocessing."""
    ids, contents, faults = [], [], []
    for row in batch.rows:
        try:
            if reason := mismatch(row):
                raise ImageError(reason)
            contents.append(open_image(row.content) if batch.modality == "images" else row.content)
            ids.append(row.id)
        except ImageError as error:
            faults.append(Fault(row.id, row.source, str(error)))
    kinds = {_kind(batch.modality, encoder): encoder for encoder in encoders}
    inputs = {
        kind: encoder.pixels(contents) if batch.modality == "images" else encoder.tokenize(contents)
        for kind, encoder in kinds.items()
    }
    return Prepared(batch, ids, inputs, tuple(faults))


def finish(prepared: Prepared, encoders: Sequence[Encoder]) -> EmbeddedBatch:
    """Embeds a prepared batch with every encoder. A row without a finite vector from each is a fault."""
    modality, n = prepared.batch.modality, len(prepared.ids)
    vectors = {}
    for encoder in encoders:
        inputs = prepared.inputs[_kind(modality, encoder)]
        embed = encoder.embed_pixels if modality == "images" else encoder.embed_tokens
        vectors[encoder.fingerprint] = embed(inputs) if n else np.empty((0, encoder.dim), np.float32)
    finite = np.ones(n, bool)
    for matrix in vectors.values():
        finite &= np.isfinite(matrix).all(axis=1)
    sources = {row.id: row.source for row in prepared.batch.rows}
    odd = [
        Fault(id, sources[id], "an encoder computed an embedding that is not finite")
        for id, good in zip(prepared.ids, finite, strict=True)
        if not good
    ]
    return EmbeddedBatch(
        unit=prepared.batch.unit,
        planned=len(prepared.batch.rows),
        ids=np.array([int(id, 16) for id in prepared.ids], np.int64)[finite],
        vectors={fingerprint: matrix[finite] for fingerprint, matrix in vectors.items()},
        faults=prepared.faults + tuple(odd),
    )


def _kind(modality: str, encoder: Encoder) -> str:
    return encoder.preprocessing_hash if modality == "images" else encoder.tokenizer_hash
