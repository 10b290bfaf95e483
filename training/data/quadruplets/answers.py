"""What a frozen LLaVA says of a collection's pictures: asked once, kept on disk, looked up at every step."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from safeclip.encoders import Encoder
from safeclip.hashing import content_id

from ...engine.batches import numbered_batches
from ...models.padding import cropped
from ...readers.llava import IGNORED, FrozenLlava
from .reference import kept_tensors
from .schema import QuadrupletSource

BATCH = 128
SAFE, UNSAFE = "answers", "unsafe-answers"  # names of files, and of what is in them


@dataclass
class Answers:
    """Answers about safe and unsafe pictures of n quadruplets, each int64 (n, length), IGNORED after the end."""

    safe: torch.Tensor
    unsafe: torch.Tensor

    def rows(self, indices: torch.Tensor | slice) -> "Answers":
        """Those of some quadruplets, as short as the longest of them."""
        return Answers(*(cropped(each[indices], IGNORED) for each in (self.safe, self.unsafe)))


def frozen_answers(
    llava: FrozenLlava, encoder: Encoder, source: QuadrupletSource, folder: Path, workers: int = 1
) -> Answers:
    """Answers of a LLaVA about all pictures of a collection.

    `encoder` is the CLIP whose vision tower it has. Loads the answers kept in `folder` under the hashes of LLaVA and
    source; asks for and saves missing ones.
    """

    def side(name: str, image: Callable[[int], Image.Image]) -> torch.Tensor:
        path = folder / f"{name}-{content_id(llava.fingerprint + source.fingerprint)}.safetensors"
        return kept_tensors(path, lambda: {name: _ask(llava, encoder, image, len(source), workers)})[name].long()

    def safe(index: int) -> Image.Image:
        return source.safe_pair(index)[1]

    def unsafe(index: int) -> Image.Image:
        return source.item(index).unsafe_image

    return Answers(side(SAFE, safe), side(UNSAFE, unsafe))


def _ask(
    llava: FrozenLlava, encoder: Encoder, image: Callable[[int], Image.Image], count: int, workers: int
) -> torch.Tensor:
    def make(batch: int) -> torch.Tensor:
        rows = range(batch * BATCH, min(count, (batch + 1) * BATCH))
        return encoder.pixels([image(row) for row in rows])

    parts = [llava.answers(pixels) for pixels in numbered_batches(make, 0, -(-count // BATCH), workers)]
    found = torch.full((count, max(part.shape[1] for part in parts)), IGNORED, dtype=torch.int32)
    for start, part in zip(range(0, count, BATCH), parts, strict=True):
        found[start : start + len(part), : part.shape[1]] = part
    return found
