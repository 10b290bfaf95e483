"""The frozen towers' embeddings of a collection: computed once, kept on disk, looked up at every step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.errors import short_reason
from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from ...engine.batches import numbered_batches
from ...errors import DataError
from ...losses.embeddings import Reference
from .schema import QuadrupletSource

BATCH = 128
ROWS = 4096  # queries compared with a whole collection at a time


def reference_embeddings(
    encoder: Encoder, source: QuadrupletSource, folder: Path, workers: int = 1, *, neighbours: bool = False
) -> Reference:
    """Loads the embeddings kept in `folder` under the hashes of encoder and source; computes and saves missing ones."""

    def safe(index: int) -> tuple[str, Image.Image]:
        return source.safe_pair(index)

    def unsafe(index: int) -> tuple[str, Image.Image]:
        item = source.item(index)
        return item.unsafe_text, item.unsafe_image

    def half(name: str, pair: Callable[[int], tuple[str, Image.Image]]) -> dict[str, torch.Tensor]:
        path = folder / f"{name}-{content_id(encoder.fingerprint + source.fingerprint)}.safetensors"
        return kept_tensors(path, lambda: _compute(encoder, pair, len(source), workers))

    reference = Reference(**half("reference", safe))
    if not neighbours:
        return reference
    other = half("unsafe-reference", unsafe)
    return replace(
        reference,
        unsafe_text=other["text"],
        unsafe_image=other["image"],
        nearest_image=reference.image[nearest(other["text"], reference.image)],
        nearest_text=reference.text[nearest(other["image"], reference.text)],
    )


def kept_tensors(path: Path, compute: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The tensors of a file; when it is missing they are computed and saved first.

    Raises DataError when it is damaged.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = compute()
        with replacing(path) as partial:
            save_file(tensors, partial)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path}: what was kept here is damaged ({short_reason(error)}). Remove the file: it is computed anew."
        ) from error


def nearest(queries: torch.Tensor, gallery: torch.Tensor) -> torch.Tensor:
    """For each query (n, d) the row of the gallery (m, d) with the largest inner product: int64 (n,)."""
    return torch.cat([(part @ gallery.T).argmax(-1) for part in queries.split(ROWS)])


def _compute(
    encoder: Encoder, pair: Callable[[int], tuple[str, Image.Image]], count: int, workers: int
) -> dict[str, torch.Tensor]:
    def make(batch: int) -> tuple[list[str], torch.Tensor]:
        indices = range(batch * BATCH, min(count, (batch + 1) * BATCH))
        captions, images = zip(*(pair(index) for index in indices), strict=True)
        return list(captions), encoder.pixels(images)

    texts, images = [], []
    for captions, pixels in numbered_batches(make, 0, -(-count // BATCH), workers):
        texts.append(encoder.encode_texts(captions))
        images.append(encoder.embed_pixels(pixels))
    return {"text": torch.from_numpy(np.concatenate(texts)), "image": torch.from_numpy(np.concatenate(images))}
