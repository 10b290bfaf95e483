"""The frozen towers' embeddings of a collection: computed once, kept on disk, looked up at every step."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from .batches import numbered_batches
from .quadruplets import QuadrupletSource

BATCH = 128


@dataclass
class Reference:
    """T0(t) and V0(v) of n quadruplets: float32 (n, d), L2-normalised."""

    text: torch.Tensor
    image: torch.Tensor

    def rows(self, indices: torch.Tensor) -> "Reference":
        """Those of some quadruplets."""
        return Reference(self.text[indices], self.image[indices])


def reference_embeddings(encoder: Encoder, source: QuadrupletSource, folder: Path, workers: int = 1) -> Reference:
    """Loads the embeddings kept in `folder` under the hashes of encoder and source; computes and saves missing ones."""
    path = folder / f"reference-{content_id(encoder.fingerprint + source.fingerprint)}.safetensors"
    if not path.is_file():
        tensors = _compute(encoder, source, workers)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            save_file(tensors, partial)
    return Reference(**load_file(path))


def _compute(encoder: Encoder, source: QuadrupletSource, workers: int) -> dict[str, torch.Tensor]:
    def make(batch: int) -> tuple[list[str], torch.Tensor]:
        indices = range(batch * BATCH, min(len(source), (batch + 1) * BATCH))
        captions, images = zip(*(source.safe_pair(index) for index in indices), strict=True)
        return list(captions), encoder.pixels(images)

    texts, images = [], []
    for captions, pixels in numbered_batches(make, 0, -(-len(source) // BATCH), workers):
        texts.append(encoder.encode_texts(captions))
        images.append(encoder.embed_pixels(pixels))
    return {"text": torch.from_numpy(np.concatenate(texts)), "image": torch.from_numpy(np.concatenate(images))}
