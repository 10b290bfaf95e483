"""What captioning and generation have in common: a model that every seat takes turns in."""

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import torch

from .encoders.encoder_set import EncoderSet
from .hashing import checkpoint_hashes, json_sha256
from .paths import resolve
from .profiles import Seat


class Spec(Protocol):
    """The section of a profile that names the model."""

    @property
    def checkpoint(self) -> str: ...


S = TypeVar("S", bound=Spec)
M = TypeVar("M")


class SharedModel(Generic[S, M]):
    """A model that is loaded when it is first needed; a failed load is tried again by the next request.

    The first seat uses the checkpoint's own tower, every other one puts that of its CLIP in its place.
    """

    def __init__(self, spec: S, encoders: EncoderSet, *, device: str | torch.device | None = None) -> None:
        self.spec = spec
        self.encoders = encoders
        self._device = device
        self._model: M | None = None
        self._lock = threading.Lock()  # the model does one thing at a time

    @property
    def seats(self) -> dict[str, Seat]:
        """Seat key → seat, in the profile's order."""
        return self.encoders.seats

    @property
    def reference(self) -> str:
        """The key of the first seat."""
        return self.encoders.reference

    @property
    def loaded(self) -> bool:
        """Whether the next request is answered without loading the model first."""
        return self._model is not None

    def load(self, seats: Sequence[str] | None = None) -> None:
        """Load the model and the encoders of `seats` (all by default) now. Raises CheckpointError for the model.

        An encoder that cannot be loaded says so when it is used.
        """
        with self._lock:
            self._loaded()
        self.encoders.preload(key for key in seats or self.seats if key != self.reference)

    @cached_property
    def fingerprint(self) -> str:
        """A hash over every file that decides a result. Raises CheckpointError when one is missing."""
        names = [self.spec.checkpoint]
        for seat in list(self.seats.values())[1:]:
            names += [name for name in (seat.checkpoint, seat.adapter) if name]
        return json_sha256([checkpoint_hashes(resolve(name)) for name in names])

    def _loaded(self) -> M:
        """The model. To be called with the lock held."""
        if self._model is None:
            self._model = self._open()
        return self._model

    def _open(self) -> M:
        """Load the model of `spec`. Raises CheckpointError."""
        raise NotImplementedError
