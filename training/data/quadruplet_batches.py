"""Batches of quadruplets: shuffled anew each epoch, tokenised and preprocessed once, in a worker process."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from safeclip.encoders import Encoder, Tokens

from .batches import numbered_batches
from .quadruplets import QuadrupletSource


@dataclass
class QuadrupletBatch:
    """n quadruplets. Safe rows come first and unsafe rows after, so that each tower runs once a step."""

    indices: torch.Tensor  # int64 (n,): rows of the reference embeddings
    tokens: Tokens  # (2n, length)
    pixels: torch.Tensor  # float32 (2n, 3, height, width)


def quadruplet_batches(
    source: QuadrupletSource,
    encoder: Encoder,
    *,
    batch_size: int,
    seed: int,
    first: int,
    last: int,
    workers: int,
    full_length: bool = False,
) -> Iterator[QuadrupletBatch]:
    """The batches of steps first … last − 1. An epoch shuffles blocks of the source and drops what fills no batch."""
    per_epoch = steps_per_epoch(source, batch_size)

    def make(step: int) -> QuadrupletBatch:
        epoch, position = divmod(step, per_epoch)
        shuffle = torch.Generator().manual_seed(seed + epoch)
        blocks = torch.randperm(len(source) // source.block, generator=shuffle)
        order = (blocks[:, None] * source.block + torch.arange(source.block)).flatten()
        return collate(source, encoder, order[position * batch_size : (position + 1) * batch_size], full_length)

    return numbered_batches(make, first, last, workers)


def steps_per_epoch(source: QuadrupletSource, batch_size: int) -> int:
    """Raises ValueError when the source does not fill one batch."""
    if len(source) < batch_size:
        raise ValueError(f"{len(source)} quadruplets do not fill one batch of {batch_size}")
    return len(source) // batch_size


def collate(
    source: QuadrupletSource, encoder: Encoder, indices: torch.Tensor, full_length: bool = False
) -> QuadrupletBatch:
    """The quadruplets of the given rows as tensors; with `full_length` texts are padded as Stable Diffusion pads."""
    items = [source.item(index) for index in indices.tolist()]
    texts = [item.text for item in items] + [item.unsafe_text for item in items]
    images = [item.image for item in items] + [item.unsafe_image for item in items]
    tokens = encoder.tokenize(texts)
    if full_length:
        tokens = _padded(tokens, encoder.max_length, encoder.tokenizer.pad_token_id)
    return QuadrupletBatch(indices, tokens, encoder.pixels(images))


def _padded(tokens: Tokens, length: int, pad: int) -> Tokens:
    """Texts of `length` tokens, the padding attended to: in a causal tower, what stands before it cannot tell."""
    missing = length - tokens["input_ids"].shape[1]
    ids = F.pad(tokens["input_ids"], (0, missing), value=pad)
    return {**tokens, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
