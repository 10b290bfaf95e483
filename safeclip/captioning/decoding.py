"""How answers leave a language model: token by token, for a whole batch, and drawn from noise of their own."""

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


@dataclass
class DecodedRow:
    """One answer of a batch so far: its tokens without the end-of-sequence one, and whether that one has come."""

    tokens: list[int] = field(default_factory=list)
    complete: bool = False


class BatchStreamer(BaseStreamer):
    """Collects the new tokens of n rows; transformers' own streamers take a single row.

    `seen` is called with the rows after every step, in the thread that generates.
    """

    def __init__(
        self, n: int, ends: Iterable[int] = (), seen: Callable[[list[DecodedRow]], None] | None = None
    ) -> None:
        self.rows = [DecodedRow() for _ in range(n)]
        self._ends = frozenset(ends)
        self._seen = seen
        self._prompt = True

    def put(self, value: torch.Tensor) -> None:
        """First the prompt (n, L), which is skipped, then the next token of every row (n,)."""
        if self._prompt:
            self._prompt = False
            return
        for row, token in zip(self.rows, value.tolist(), strict=True):
            if token in self._ends:
                row.complete = True
            elif not row.complete:  # what follows the end is padding
                row.tokens.append(token)
        if self._seen is not None:
            self._seen(self.rows)

    def end(self) -> None:
        """Nothing is held back, so there is nothing left to say."""


class StopOnRequest(StoppingCriteria):
    """Ends every row once `event` is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        return input_ids.new_full((len(input_ids),), self._event.is_set(), dtype=torch.bool)


class GumbelNoise(LogitsProcessor):
    """Adds Gumbel noise, the same for every row, whereupon the largest logit is a draw from their softmax.

    (Gumbel-max trick: Gumbel 1954; Maddison et al. 2014, arXiv 1411.0030.) The noise comes from a generator of its own
    on the CPU: one seed gives one answer on every device, and torch's global generator is left alone.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        exponential = torch.empty(scores.shape[-1]).exponential_(generator=self._generator)
        noise = -exponential.clamp_min(torch.finfo(exponential.dtype).tiny).log()
        return scores + noise.to(scores)


def sampling(temperature: float, top_p: float, seed: int) -> LogitsProcessorList:
    """What makes greedy search draw from the distribution at a temperature, cut to its nucleus of mass `top_p`.

    Nothing at temperature 0.
    """
    if temperature == 0:
        return LogitsProcessorList()
    warpers: list[LogitsProcessor] = [TemperatureLogitsWarper(temperature)]
    if top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    return LogitsProcessorList([*warpers, GumbelNoise(seed)])
