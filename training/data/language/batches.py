"""Batches of texts with the teacher's embeddings, drawn from (seed, step): any process can make any step alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import CLIPTokenizer

from ...models.padding import pad
from .corpus import Source
from .perturbations import perturb

CHUNKS = 8  # groups of like length in a batch, each padded to its own longest text


@dataclass(frozen=True)
class TaughtBatch:
    """Texts as token ids, with what the teacher makes of them."""

    chunks: tuple[torch.Tensor, ...]  # int64 (n_i, length_i), padded with the end token; shorter texts first
    targets: torch.Tensor  # float32 (n, d), L2-normalised, in the order of the chunks' rows
    order: torch.Tensor  # int64 (n,): which of the texts, as they were given, each row is

    @classmethod
    def of(cls, texts: Sequence[str], targets: np.ndarray, tokenizer: CLIPTokenizer) -> "TaughtBatch":
        """Texts with targets (n, d), in groups of like length."""
        ids = tokenizer(list(texts), truncation=True).input_ids
        order = np.array(sorted(range(len(ids)), key=lambda i: len(ids[i])))
        groups = np.array_split(order, min(CHUNKS, len(order)))
        chunks = tuple(pad([ids[row] for row in rows], tokenizer.pad_token_id) for rows in groups)
        return cls(chunks, torch.from_numpy(targets[order].astype(np.float32)), torch.from_numpy(order))


class TaughtTexts:
    """Sources with their embeddings: training batches, and held-out ones to measure with."""

    def __init__(
        self, sources: Sequence[Source], embeddings: Mapping[str, np.ndarray], tokenizer: CLIPTokenizer, seed: int
    ):
        """`embeddings` maps a source's name to the teacher's (targets, d)."""
        self._sources = {source.name: source for source in sources}
        self._embeddings = embeddings
        self._tokenizer = tokenizer
        self._seed = seed
        self._taught = {name: np.flatnonzero(~source.held_out) for name, source in self._sources.items()}

    def training(self, step: int, size: int, shares: Mapping[str, float], perturbed: float) -> TaughtBatch:
        """The batch of a step, of what `draw` draws."""
        return TaughtBatch.of(*self.draw(step, size, shares, perturbed), self._tokenizer)

    def draw(self, step: int, size: int, shares: Mapping[str, float], perturbed: float) -> tuple[list[str], np.ndarray]:
        """The texts of a step and their targets (size, d).

        `shares` weigh the sources. A share `perturbed` of the texts is perturbed; a perturbed text keeps the target of
        the text as it was.
        """
        rng = random.Random(f"{self._seed} {step}")
        names = [name for name in shares if name in self._sources]
        texts, targets = [], []
        for name in rng.choices(names, [shares[name] for name in names], k=size):
            row = int(rng.choice(self._taught[name]))
            text = self._sources[name].texts[row]
            texts.append(perturb(text, rng) if rng.random() < perturbed else text)
            targets.append(self._target(name, row))
        return texts, np.stack(targets)

    def held_out(self, name: str, size: int, *, perturbed: bool = False) -> TaughtBatch:
        """The first `size` held-out texts of a source, each perturbed or none."""
        rows = np.flatnonzero(self._sources[name].held_out)[:size]
        rng = random.Random(self._seed)
        texts = [self._sources[name].texts[row] for row in rows]
        texts = [perturb(text, rng) for text in texts] if perturbed else texts
        return TaughtBatch.of(texts, np.stack([self._target(name, row) for row in rows]), self._tokenizer)

    def _target(self, name: str, row: int) -> np.ndarray:
        return self._embeddings[name][self._sources[name].target_rows[row]]
