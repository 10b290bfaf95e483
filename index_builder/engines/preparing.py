"""Prepares batches of rows for the encoders: reads, decodes and preprocesses them. Needs no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from safeclip.encoders.pixels import pixels
from safeclip.encoders.tokens import tokenize
from safeclip.errors import ImageError
from safeclip.images.loading import open_image, reason_of

from ..gallery.reader import GalleryReader
from ..store.ledger import Fault

if TYPE_CHECKING:
    from transformers import CLIPImageProcessor, CLIPTokenizer

    from safeclip.encoders import Encoder


@dataclass(frozen=True)
class Batch:
    """Rows of the gallery to embed together: their numbers (n,) int64. `unit` numbers the shard that they belong to."""

    modality: str
    unit: int
    rows: np.ndarray


class RowName(NamedTuple):
    """Content id of a row, and its place in the gallery, for messages."""

    id: str
    source: str


@dataclass(frozen=True)
class Prepared:
    """A decoded batch without the rows that cannot be used, which are its `faults`.

    `inputs` maps a preprocessing hash to pixels (n, 3, H, W) float32, or a tokenizer hash to `encoders.Tokens`.
    """

    batch: Batch
    rows: list[RowName]
    inputs: dict[str, Any]
    faults: tuple[Fault, ...]


# Prepares batches ahead of who takes the results, which come in the same order.
Prepare = Callable[[Iterable[Batch]], Iterator[Prepared]]


@dataclass(frozen=True)
class Preparation:
    """The gallery's rows, and each distinct image processor and tokenizer by its hash.

    A tokenizer comes with the length that it cuts at, and whether texts are filled up to that. It travels to worker
    processes, which therefore need not load the encoders.
    """

    reader: GalleryReader
    image_processors: dict[str, CLIPImageProcessor]
    tokenizers: dict[str, tuple[CLIPTokenizer, int, bool]]

    @classmethod
    def of(cls, reader: GalleryReader, encoders: Iterable[Encoder]) -> Self:
        encoders = list(encoders)
        return cls(
            reader,
            {encoder.preprocessing_hash: encoder.image_processor for encoder in encoders},
            {each.tokenizer_hash: (each.tokenizer, each.max_length, each.towers.padded) for each in encoders},
        )


def prepare(batch: Batch, preparation: Preparation) -> Prepared:
    """Reads and decodes the rows, records unusable ones as faults, and preprocesses the others once for each kind."""
    rows, contents, faults = [], [], []
    for row in preparation.reader.read(batch.modality, batch.rows):
        try:
            if row.fault:
                raise ImageError(row.fault)
            contents.append(open_image(row.data) if batch.modality == "images" else row.content)
            rows.append(RowName(row.id, row.source))
        except ImageError as error:
            faults.append(Fault(row.id, row.source, reason_of(error)))
    return Prepared(batch, rows, _inputs(batch.modality, contents, preparation), tuple(faults))


def _inputs(modality: str, contents: list[Any], preparation: Preparation) -> dict[str, Any]:
    if modality == "images":
        return {hash: pixels(each, contents).numpy() for hash, each in preparation.image_processors.items()}
    return {
        hash: tokenize(each, contents, cut, padded=padded)
        for hash, (each, cut, padded) in preparation.tokenizers.items()
    }
