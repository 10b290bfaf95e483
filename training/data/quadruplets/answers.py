"""What a frozen LLaVA says of a collection's safe pictures: asked once, kept on disk, looked up at every step."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders import Encoder
from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from ...engine.batches import numbered_batches
from ...models.frozen_llava import IGNORED, FrozenLlava
from .schema import QuadrupletSource

BATCH = 128
NAME = "answers"


def safe_answers(
    llava: FrozenLlava, encoder: Encoder, source: QuadrupletSource, folder: Path, workers: int = 1
) -> torch.Tensor:
    """Answers of a LLaVA about all safe pictures: int64 (quadruplets, longest).

    `encoder` is the CLIP whose vision tower it has. Loads the answers kept in `folder` under the hashes of LLaVA and
    source; asks for and saves missing ones.
    """
    path = folder / f"{NAME}-{content_id(llava.fingerprint + source.fingerprint)}.safetensors"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {NAME: _ask(llava, encoder, source, workers)}
        with replacing(path) as partial:
            save_file(tensors, partial)
    return load_file(path)[NAME].long()


def _ask(llava: FrozenLlava, encoder: Encoder, source: QuadrupletSource, workers: int) -> torch.Tensor:
    count = len(source)

    def make(batch: int) -> torch.Tensor:
        rows = range(batch * BATCH, min(count, (batch + 1) * BATCH))
        return encoder.pixels([source.safe_pair(row)[1] for row in rows])

    parts = [llava.answers(pixels) for pixels in numbered_batches(make, 0, -(-count // BATCH), workers)]
    found = torch.full((count, max(part.shape[1] for part in parts)), IGNORED, dtype=torch.int32)
    for start, part in zip(range(0, count, BATCH), parts, strict=True):
        found[start : start + len(part), : part.shape[1]] = part
    return found
