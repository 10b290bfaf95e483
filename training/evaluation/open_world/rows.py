"""Rows of the tables: an encoder, or what a user would do instead of tuning one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from safeclip.encoders import Encoder
from safeclip.hashing import content_id, json_sha256
from safeclip.runtime.atomic_files import replacing

from .painted import Painted

ROWS = (
    "original",
    "paper",
    "safe",
    "ours",
    "dictionary",
    "bag_of_words",
    "bigrams",
    "text_filter",
    "image_filter",
    "random",
    "best_possible",
)
RANDOM_WIDTH = 256
Flags = Callable[[np.ndarray], np.ndarray]  # embeddings (n, d) → bool (n,)


@dataclass(frozen=True)
class Embedded:
    """Embeddings float32 (n, d), and what is hidden, bool (n,): refused as a query, left out of what is found."""

    points: np.ndarray
    hidden: np.ndarray

    @classmethod
    def shown(cls, points: np.ndarray) -> "Embedded":
        return cls(points, np.zeros(len(points), bool))


class Row(Protocol):
    """Embeds queries and what is searched. `key` names everything that decides the result."""

    key: str

    def queries(self, texts: Sequence[str]) -> Embedded: ...
    def texts(self, texts: Sequence[str]) -> Embedded: ...
    def images(self, images: Painted) -> Embedded: ...


class KeptEncoder:
    """An encoder whose embeddings are kept in files, for the rows that share it and for a run that goes on."""

    def __init__(self, encoder: Encoder, folder: Path):
        self._encoder = encoder
        self.key = json_sha256(encoder.fingerprint)[:16]
        self._folder = folder / self.key

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (n, d), L2-normalised."""
        return self._kept(f"text-{content_id(repr(list(texts)))}", lambda: self._encoder.encode_texts(texts))

    def images(self, images: Painted) -> np.ndarray:
        """float32 (n, d), L2-normalised."""

        def embed() -> np.ndarray:
            return np.concatenate([self._encoder.encode_images(batch) for batch in images.batches()])

        return self._kept(f"image-{images.key}", embed)

    def _kept(self, name: str, embed: Callable[[], np.ndarray]) -> np.ndarray:
        path = self._folder / f"{name}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            embedded = embed()
            with replacing(path) as partial, partial.open("wb") as file:
                np.save(file, embedded)
        return np.load(path)


class EncoderRow:
    """One encoder on both sides. `rewrite` changes texts before they are asked, never those that are searched."""

    def __init__(self, encoder: KeptEncoder, rewrite: Callable[[str], str] | None = None, how: str = ""):
        self._encoder, self._rewrite = encoder, rewrite
        self.key = f"{encoder.key}{how}"

    def queries(self, texts: Sequence[str]) -> Embedded:
        return self.texts([self._rewrite(text) for text in texts] if self._rewrite else texts)

    def texts(self, texts: Sequence[str]) -> Embedded:
        return Embedded.shown(self._encoder.texts(texts))

    def images(self, images: Painted) -> Embedded:
        return Embedded.shown(self._encoder.images(images))


class FilteredRow:
    """An encoder beside a judge: texts or images that it flags are refused as queries and left out of results."""

    def __init__(
        self, encoder: KeptEncoder, how: str, flags_text: Flags | None = None, flags_image: Flags | None = None
    ):
        self._encoder, self._flags_text, self._flags_image = encoder, flags_text, flags_image
        self.key = f"{encoder.key}{how}"

    def queries(self, texts: Sequence[str]) -> Embedded:
        return self.texts(texts)

    def texts(self, texts: Sequence[str]) -> Embedded:
        return _judged(self._encoder.texts(texts), self._flags_text)

    def images(self, images: Painted) -> Embedded:
        return _judged(self._encoder.images(images), self._flags_image)


def _judged(points: np.ndarray, flags: Flags | None) -> Embedded:
    return Embedded.shown(points) if flags is None else Embedded(points, flags(points))


class RandomRow:
    """Random directions: what chance gives."""

    def __init__(self, seed: int):
        self._seed = seed
        self.key = f"random-{seed}"

    def queries(self, texts: Sequence[str]) -> Embedded:
        return self.texts(texts)

    def texts(self, texts: Sequence[str]) -> Embedded:
        return self._random(repr(list(texts)), len(texts))

    def images(self, images: Painted) -> Embedded:
        return self._random(images.key, len(images))

    def _random(self, content: str, count: int) -> Embedded:
        rng = np.random.default_rng([self._seed, int(content_id(content), 16)])
        points = rng.standard_normal((count, RANDOM_WIDTH)).astype(np.float32)
        return Embedded.shown(points / np.linalg.norm(points, axis=1, keepdims=True))
