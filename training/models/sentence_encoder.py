"""Protocol of a sentence encoder, which teaches the text tower."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class SentenceEncoder(Protocol):
    """A model that turns texts into embeddings whose cosine says how alike the texts are in meaning."""

    @property
    def fingerprint(self) -> str:
        """Identity of whatever decides the embeddings."""

    @property
    def width(self) -> int:
        """Dimension of the embeddings."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, width), L2-normalised."""
