"""Batches of quadruplets: shuffled anew each epoch, tokenised and preprocessed once, in a worker process."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from safeclip.encoders import Encoder, Tokens

from ...errors import DataError
from ...losses.embeddings import Reference, reference_rows
from ...losses.token_states import text_correspondence
from ...readers.painter import Starts
from .answers import Answers
from .schema import QuadrupletSource


@dataclass
class QuadrupletBatch:
    """n quadruplets. Safe rows come first and unsafe rows after, so that each tower runs once a step."""

    indices: torch.Tensor  # int64 (n,): numbers in the source
    tokens: Tokens  # (2n, length)
    pixels: torch.Tensor  # float32 (2n, 3, height, width)
    reference: Reference  # the frozen model's embeddings of the safe half
    correspondence: torch.Tensor | None = None  # int64 (n, length), for token states
    answers: Answers | None = None  # what a LLaVA says of the pictures by the frozen tower
    starts: Starts | None = None  # of the quadruplets whose prompts are painted, the first ones

    def __len__(self) -> int:
        return len(self.indices)

    def parts(self, rows: int) -> "list[QuadrupletBatch]":
        """The batch in parts of at most so many quadruplets."""
        return [self._part(slice(start, start + rows)) for start in range(0, len(self), rows)]

    def _part(self, rows: slice) -> "QuadrupletBatch":
        def both(tensor: torch.Tensor) -> torch.Tensor:
            safe, unsafe = tensor.chunk(2)
            return torch.cat((safe[rows], unsafe[rows]))

        tokens = {key: both(each) for key, each in self.tokens.items()}
        correspondence = None if self.correspondence is None else self.correspondence[rows]
        answers = self.answers and self.answers.rows(rows)
        starts = self.starts and self.starts.rows(rows)
        reference = reference_rows(self.reference, rows)
        return QuadrupletBatch(
            self.indices[rows], tokens, both(self.pixels), reference, correspondence, answers, starts
        )


class QuadrupletBatches:
    """The batches of a source, each a function of (seed, number).

    An epoch shuffles the whole blocks of the source and drops what fills no batch. With `states` texts are padded as
    Stable Diffusion pads them, because it reads the states of the padding too. `answers` are those of a LLaVA about
    all pictures. `starts` tells where the prompts of a batch's quadruplets are painted, from their numbers and the
    epoch. Raises DataError when the source does not fill one batch.
    """

    def __init__(
        self,
        source: QuadrupletSource,
        encoder: Encoder,
        reference: Reference,
        batch_size: int,
        *,
        states: bool = False,
        answers: Answers | None = None,
        starts: Callable[[torch.Tensor, int], Starts] | None = None,
    ):
        self._blocks = len(source) // source.block
        if self._blocks * source.block < batch_size:
            raise DataError(
                f"{len(source)} quadruplets, in whole blocks of {source.block}, do not fill one batch of {batch_size}; "
                "choose a smaller batch_size."
            )
        self.source = source
        self._encoder = encoder
        self.reference = reference
        self._batch_size = batch_size
        self._states = states
        self._answers = answers
        self._starts = starts

    @property
    def per_epoch(self) -> int:
        """Batches an epoch."""
        return self._blocks * self.source.block // self._batch_size

    def make(self, seed: int, number: int, share: slice = slice(None)) -> QuadrupletBatch:
        """The batch of a number, counted over all epochs, or a share of its rows."""
        return self.collate(self.numbers(seed, number)[share], epoch=number // self.per_epoch)

    def numbers(self, seed: int, number: int) -> torch.Tensor:
        """The numbers of a batch's quadruplets in the source: int64 (batch size,)."""
        epoch, position = divmod(number, self.per_epoch)
        blocks = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(self._blocks))
        order = (blocks[:, None] * self.source.block + torch.arange(self.source.block)).flatten()
        return order[position * self._batch_size : (position + 1) * self._batch_size]

    def in_order(self) -> list[torch.Tensor]:
        """The numbers of all quadruplets in batches, the last of which may be smaller."""
        return list(torch.arange(len(self.source)).split(self._batch_size))

    def collate(self, indices: torch.Tensor, epoch: int = 0) -> QuadrupletBatch:
        """The quadruplets of the given numbers as tensors, as they are painted in an epoch."""
        items = [self.source.item(index) for index in indices.tolist()]
        texts = [item.text for item in items] + [item.unsafe_text for item in items]
        images = [item.image for item in items] + [item.unsafe_image for item in items]
        if self._states:
            tokens = padded_tokens(self._encoder, texts)
            safe, unsafe = tokens["input_ids"].chunk(2)
            correspondence = text_correspondence(unsafe, safe, self._encoder.tokenizer.eos_token_id)
        else:
            tokens, correspondence = self._encoder.tokenize(texts), None
        pixels = self._encoder.pixels(images)
        answers = self._answers and self._answers.rows(indices)
        starts = self._starts and self._starts(indices, epoch)
        reference = reference_rows(self.reference, indices)
        return QuadrupletBatch(indices, tokens, pixels, reference, correspondence, answers, starts)


def padded_tokens(encoder: Encoder, texts: list[str]) -> Tokens:
    """Tokenises texts, padded to the encoder's length without an attention mask, as StableDiffusionPipeline does.

    Padding comes last, so the earlier states of a causal tower do not depend on it.
    """
    tokens = encoder.tokenize(texts)
    missing = encoder.max_length - tokens["input_ids"].shape[1]
    ids = F.pad(tokens["input_ids"], (0, missing), value=encoder.tokenizer.pad_token_id)
    return {**tokens, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
