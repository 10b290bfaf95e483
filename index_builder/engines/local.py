"""Batches of rows → embeddings by every encoder: how it is done. Where it runs is an engine's business.

An engine is a function from an iterable of `Batch` to an iterator of `EmbeddedBatch` in the same order.
`embed_here` runs in this process; one that spreads over machines maps `embed_batch` over workers that hold
the encoders.
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

from ..sources.gallery import Row, mismatch
from ..store.ledger import Fault

WORKERS = 2


@dataclass(frozen=True)
class Batch:
    """Rows to embed together; `unit` is the number of the shard that they belong to."""

    modality: str
    unit: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class EmbeddedBatch:
    """A batch's result: `ids` int64 (n,), `vectors` float32 (n, d) by encoder fingerprint, and `faults`.

    n may be 0: every row of a batch can be at fault.
    """

    unit: int
    planned: int
    ids: np.ndarray
    vectors: dict[str, np.ndarray]
    faults: tuple[Fault, ...]


Engine = Callable[[Iterable[Batch]], Iterator[EmbeddedBatch]]


@dataclass(frozen=True)
class Prepared:
    """A batch decoded for all encoders: `inputs` are pixels or tokens, by the hash of how they are made."""

    batch: Batch
    ids: list[str]
    inputs: dict[str, Any]
    faults: tuple[Fault, ...]


def batches(rows: Iterable[Row], modality: str, *, batch_size: int, unit_rows: int) -> Iterator[Batch]:
    """Cut `rows` into units of `unit_rows` and those into batches, so that no batch straddles two units.

    The cuts depend on nothing but the rows that are still due: a build that is resumed at a unit's beginning
    makes the batches that it would have made, and so, to the bit, the embeddings.
    """
    rows = iter(rows)
    unit, left = 0, unit_rows
    while chunk := tuple(islice(rows, min(batch_size, left))):
        yield Batch(modality, unit, chunk)
        left -= len(chunk)
        if not left:
            unit, left = unit + 1, unit_rows


def embed_here(encoders: Sequence[Encoder], workers: int = WORKERS) -> Engine:
    """The engine of this process: threads prepare the next batches while one is being embedded."""

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
    """Both steps of one batch, for an engine whose workers take a batch at a time."""
    return finish(prepare(batch, encoders), encoders)


def prepare(batch: Batch, encoders: Sequence[Encoder]) -> Prepared:
    """Decode the rows, put unusable ones aside, and preprocess the others once for each kind of it."""
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
    """Embed a prepared batch by every encoder. A row without a finite vector from each is a fault."""
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
        Fault(id, sources[id], "an encoder gave it an embedding that is not finite")
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
