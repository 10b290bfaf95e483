"""Base of captioning and generation: loads one shared model and runs it with each seat's CLIP tower in turn."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch

from .encoders.concept_map import NO_REMARKS, Remarks
from .encoders.encoder_set import EncoderSet
from .errors import CheckpointError
from .hashing import checkpoint_hashes, file_sha256, json_sha256
from .paths import resolve
from .profiles import Seat
from .runtime.checkpoint_names import Repository, is_repository, locate
from .runtime.device_lock import computing_on
from .runtime.hub import commit_of


class ModelSpec(Protocol):
    """A section of a profile that names a model."""

    @property
    def checkpoint(self) -> str: ...


S = TypeVar("S", bound=ModelSpec)
M = TypeVar("M")


class SharedModel(Generic[S, M]):
    """A model of type M, made from the profile's section S, that all seats share; it is loaded when first needed.

    The first seat uses the checkpoint's own tower; every other seat puts the tower of its CLIP in that place. A load
    that fails is tried again by the next request; that of a seat's encoder, after `encoder_set.RETRY_SECONDS`. Threads
    may share an object; the model serves one at a time, and computes on a GPU while no other model does
    (`runtime.device_lock`).
    """

    def __init__(
        self,
        spec: S,
        encoders: EncoderSet,
        *,
        device: str | torch.device | None = None,
        remarks: Remarks = NO_REMARKS,
    ) -> None:
        """`remarks` are made on each request, in the notes of its comparison."""
        self.spec = spec
        self.encoders = encoders
        self.remarks = remarks
        self._device = device
        self._model: M | None = None
        self._lock = threading.Lock()

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
        """Whether the model is in memory, so that the next request does not wait for it."""
        return self._model is not None

    def load(self, seats: Sequence[str] | None = None) -> None:
        """Loads the model and the encoders of `seats` (all by default) now. Raises CheckpointError for the model.

        An encoder that cannot be loaded fails later, when its seat is used.
        """
        with self._lock:
            self._loaded()
        self.encoders.preload(key for key in seats or self.seats if key != self.reference)

    @cached_property
    def fingerprint(self) -> str:
        """A hash over every file that decides a result, and the commits of repositories of the hub.

        Raises CheckpointError where a folder is missing, HubError where the commit of a repository cannot be had.
        """
        names = [(self.spec.checkpoint, getattr(self.spec, "revision", None))]
        for seat in list(self.seats.values())[1:]:
            names += [(seat.checkpoint, seat.revision), *([(seat.adapter, None)] if seat.adapter else [])]
        return json_sha256([_identity(name, revision) for name, revision in names])

    def _loaded(self) -> M:
        """The model, loaded if it is not yet. To be called with the lock held."""
        if self._model is None:
            self._model = self._open()
        return self._model

    @contextlib.contextmanager
    def _computing(self, seats: Iterable[str]) -> Iterator[M]:
        """The model for one request of `seats`, with the lock of its device; what is not loaded yet is loaded before.

        Raises CheckpointError for the model; an encoder's error is raised when it is used.
        """
        with self._lock:
            model = self._loaded()
            self.encoders.preload(key for key in seats if key != self.reference)
            with computing_on(self._device_of(model)):
                yield model

    def _device_of(self, model: M) -> torch.device:
        """The device that computes."""
        raise NotImplementedError

    def _open(self) -> M:
        """Loads the model of `spec`. Raises CheckpointError."""
        raise NotImplementedError

    def _tower(self, seat: str, name: str, model: str) -> Any:
        """The "text_model" or "vision_model" of a seat's CLIP, for use in `model`. Raises CheckpointError."""
        tower = getattr(self.encoders[seat].model, name, None)
        if tower is None:
            raise CheckpointError(
                f"{self.seats[seat].checkpoint}: {model} only takes towers of a CLIP in the transformers format. Name "
                "such a checkpoint in the profile."
            )
        return tower


def _identity(name: str, revision: str | None) -> list[str]:
    """Identity of a checkpoint: hashes of its files, a repository's commit, else a tag of open_clip's."""
    place = locate(name)
    if isinstance(place, Path):
        return _hashes(place)
    if is_repository(name):
        return _commit(name, revision)
    _, _, source = name.partition(":")  # of an open_clip name
    path = resolve(source)
    if path.exists():
        return [name, *_hashes(path)]
    return [name, *_commit(source, revision)] if is_repository(source) else [name]


def _hashes(place: Path) -> list[str]:
    return [file_sha256(place)] if place.is_file() else checkpoint_hashes(place)


def _commit(name: str, revision: str | None) -> list[str]:
    repository = Repository.parse(name, revision)
    return [repository.id, commit_of(repository)]


def check_same_shape(tower: str, model: str, own: Any, other: Any, names: Iterable[str]) -> None:
    """Raises CheckpointError unless two configurations agree in the settings `names`.

    `own` belongs to the model's own tower, `other` to the one that is to take its place.
    """
    for name in names:
        if getattr(own, name) != getattr(other, name):
            raise CheckpointError(
                f"Its {tower} does not fit this {model}: {name.replace('_', ' ')} {getattr(other, name)} instead of "
                f"{getattr(own, name)}. Seat an encoder of the same architecture."
            )
