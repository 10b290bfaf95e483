"""Embeddings of what the concepts are called, to name what an image shows by."""

import torch

from ...models.sentence_encoder import SentenceEncoder
from .concepts.catalogue import catalogue


class ConceptNames:
    """Every name of every concept as a text encoder has it; of a place its phrases ("in the kitchen")."""

    def __init__(self, encoder: SentenceEncoder):
        called = [concept.phrases or concept.names for concept in catalogue().concepts]
        self._embeddings = torch.from_numpy(encoder.encode([name for names in called for name in names]))
        self._counts = torch.tensor([len(names) for names in called])
        self._first = self._counts.cumsum(0) - self._counts

    def draw(self) -> torch.Tensor:
        """One name of each concept, by torch's random numbers: float32 (concepts, d), L2-normalised, in label order."""
        return self._embeddings[self._first + (torch.rand(len(self._counts)) * self._counts).long()]
