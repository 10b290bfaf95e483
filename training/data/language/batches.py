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
        """The batch of a step: `shares` weigh the sources, and a share `perturbed` of the texts is perturbed.

        A perturbed text keeps the target of the text as it was.
        """
        rng = random.Random(f"{self._seed} {step}")
        names = [name for name in shares if name in self._sources]
        texts, targets = [], []
        for name in rng.choices(names, [shares[name] for name in names], k=size):
            row = int(rng.choice(self._taught[name]))
            text = self._sources[name].texts[row]
            texts.append(perturb(text, rng) if rng.random() < perturbed else text)
            targets.append(self._target(name, row))
        return self._batch(texts, targets)

    def held_out(self, name: str, size: int, *, perturbed: bool = False) -> TaughtBatch:
        """The first `size` held-out texts of a source, each perturbed or none."""
        rows = np.flatnonzero(self._sources[name].held_out)[:size]
        rng = random.Random(self._seed)
        texts = [self._sources[name].texts[row] for row in rows]
        texts = [perturb(text, rng) for text in texts] if perturbed else texts
        return self._batch(texts, [self._target(name, row) for row in rows])

    def _target(self, name: str, row: int) -> np.ndarray:
        return self._embeddings[name][self._sources[name].target_rows[row]]

    def _batch(self, texts: Sequence[str], targets: Sequence[np.ndarray]) -> TaughtBatch:
        ids = self._tokenizer(list(texts), truncation=True).input_ids
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        groups = [rows for rows in np.array_split(order, min(CHUNKS, len(order))) if len(rows)]
        chunks = tuple(pad([ids[row] for row in rows], self._tokenizer.pad_token_id) for rows in groups)
        return TaughtBatch(chunks, torch.from_numpy(np.stack([targets[row] for row in order]).astype(np.float32)))
