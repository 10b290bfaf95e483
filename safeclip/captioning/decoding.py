"""Decodes a batch of answers token by token: streaming, stopping, and sampling with noise that rows share."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.streamers import BaseStreamer

from ..runtime.device_lock import give_way


@dataclass
class DecodedRow:
    """One answer of a batch so far: its tokens, and whether its end-of-sequence token, which is left out, has come."""

    tokens: list[int] = field(default_factory=list)
    complete: bool = False


class BatchStreamer(BaseStreamer):
    """Collects the new tokens of n rows; transformers' own streamers take a single row.

    `ends` are the end-of-sequence tokens. `on_step` is called with the rows after every token, in the thread that
    generates.
    """

    def __init__(
        self, n: int, ends: Iterable[int] = (), on_step: Callable[[list[DecodedRow]], None] | None = None
    ) -> None:
        self.rows = [DecodedRow() for _ in range(n)]
        self._ends = frozenset(ends)
        self._on_step = on_step
        self._prompt = True

    def put(self, value: torch.Tensor) -> None:
        """Takes the prompt (n, L) first, which is skipped, and then the next token of every row (n,)."""
        if self._prompt:
            self._prompt = False
            return
        for row, token in zip(self.rows, value.tolist(), strict=True):
            if token in self._ends:
                row.complete = True
            elif not row.complete:  # what follows the end is padding
                row.tokens.append(token)
        if self._on_step is not None:
            self._on_step(self.rows)

    def end(self) -> None:
        """Does nothing, as no token is held back."""


class BetweenTokens(StoppingCriteria):
    """Stops every row once `stop` is set, and lets others compute on the device before the next token."""

    def __init__(self, stop: threading.Event | None) -> None:
        self._stop = stop

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.Tensor:
        give_way(input_ids.device)
        stopped = self._stop is not None and self._stop.is_set()
        return input_ids.new_full((len(input_ids),), stopped, dtype=torch.bool)


class GumbelNoise(LogitsProcessor):
    """Samples by the Gumbel-max trick with noise shared by all rows, so rows with equal logits draw equal tokens.

    The largest logit after the noise is a draw from the softmax (Gumbel 1954; Maddison et al. 2014, arXiv 1411.0030).
    The noise comes from a generator on the CPU: one seed gives one answer on every device, and torch's global generator
    is left alone.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        exponential = torch.empty(scores.shape[-1]).exponential_(generator=self._generator)
        noise = -exponential.clamp_min(torch.finfo(exponential.dtype).tiny).log()
        return scores + noise.to(scores)


def sampling(temperature: float, top_p: float, seed: int) -> LogitsProcessorList:
    """Processors that make greedy search sample at a temperature, from the nucleus of probability `top_p`.

    The list is empty at temperature 0.
    """
    if temperature == 0:
        return LogitsProcessorList()
    warpers: list[LogitsProcessor] = [TemperatureLogitsWarper(temperature)]
    if top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    return LogitsProcessorList([*warpers, GumbelNoise(seed)])
