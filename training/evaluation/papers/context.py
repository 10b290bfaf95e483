"""What every measurement of an evaluation is given, and how it says that something is not there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from safeclip.encoders.encoder_set import Encoded, EncoderSet
from safeclip.errors import SafeClipError
from safeclip.lab import Lab
from safeclip.retrieval.metrics import AsQuery

from ...engine.options import RunOptions
from .spec import EvaluationSpec

T = TypeVar("T")

AT_ONCE = 64  # inputs in memory


class Unavailable(SafeClipError):
    """A measurement cannot be made here; the message says what is missing and how to get it."""


@dataclass
class EvaluationContext:
    """The models and the options of an evaluation.

    `failed` collects seat key → message for encoders that cannot be used; the other seats are measured without them.
    `absent` collects name → message for parts of a measurement that are not there.
    """

    spec: EvaluationSpec
    lab: Lab
    encoders: EncoderSet
    options: RunOptions
    failed: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    _made: dict[Callable, Any] = field(default_factory=dict)

    def once(self, make: "Callable[[EvaluationContext], T]") -> T:
        """What `make` returns of this evaluation, made when it is first asked for."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def embed_texts(self, texts: Iterable[str]) -> dict[str, np.ndarray]:
        """Embeds n texts: seat key → float32 (n, d). Raises Unavailable when no seat can."""
        return self._joined(self.encoders.encode_texts(part, self._usable) for part in batches(texts))

    def embed_images(self, images: Iterable[Image.Image]) -> dict[str, np.ndarray]:
        """Embeds n images, read one batch at a time: seat key → float32 (n, d). Raises Unavailable when no seat can."""
        return self._joined(self.encoders.encode_images(part, self._usable) for part in batches(images))

    def as_query(self, seat: str) -> AsQuery:
        """What makes a seat's embeddings queries: the geometry of a hyperbolic encoder compares by no cosine."""
        return self.encoders[seat].geometry.as_query

    @property
    def _usable(self) -> list[str]:
        usable = [key for key in self.encoders if key not in self.failed]
        if not usable:
            raise Unavailable("No encoder can be used: " + " ".join(self.failed.values()))
        return usable

    def _joined(self, parts: Iterable[Encoded]) -> dict[str, np.ndarray]:
        rows: dict[str, list[np.ndarray]] = {key: [] for key in self.encoders}
        for part in parts:
            self.failed |= part.errors
            for key, embedded in part.embeddings.items():
                rows[key].append(embedded)
        self._usable  # noqa: B018  raises when the last seat failed
        return {key: np.concatenate(found) for key, found in rows.items() if found and key not in self.failed}


def batches(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Cuts an iterable into lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def spread(items: Sequence[T], limit: int) -> list[T]:
    """At most `limit` items, evenly spaced over the sequence; all for 0."""
    if not 0 < limit < len(items):
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]
