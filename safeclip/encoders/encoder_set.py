"""Encoders of a profile's seats, sharing one tokenisation and one preprocessing of each query."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import CheckpointError, SafeClipError, first_line
from ..options import check_seats
from ..runtime.devices import as_device, precision
from .encoder import Encoder
from .seat import Seat
from .tokens import Tokens, cut_note

if TYPE_CHECKING:
    from PIL import Image

RETRY_SECONDS = 30.0  # after which a load that failed is tried again: a hub or a memory may have recovered

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoded:
    """Embeddings of the same n inputs under several seats: (n, d) float32 by seat key, or the seat's error message.

    `warnings` tell the user, by seat, which checkpoint cannot be trusted; `cuts` say, by the number of the input, what
    of it the encoders did not read, such as the end of a long text.
    """

    embeddings: dict[str, np.ndarray]
    errors: dict[str, str]
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cuts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """All sentences for the user, each once."""
        return self.notes_of(self.warnings)

    def notes_of(self, seats: Iterable[str]) -> tuple[str, ...]:
        """The sentences for a user who is shown these seats, each once."""
        warnings = (warning for seat in seats for warning in self.warnings.get(seat, ()))
        return tuple(dict.fromkeys((*warnings, *(note for cut in self.cuts.values() for note in cut))))

    def of(self, i: int) -> "Encoded":
        """What is known of input `i` alone."""
        rows = {seat: found[i : i + 1] for seat, found in self.embeddings.items()}
        return Encoded(rows, self.errors, self.warnings, {0: self.cuts[i]} if i in self.cuts else {})

    def tried_again(self, again: "Encoded") -> "Encoded":
        """With what a second try under the seats that failed has brought."""
        embeddings, warnings = self.embeddings | again.embeddings, {**self.warnings, **again.warnings}
        return replace(self, embeddings=embeddings, errors=again.errors, warnings=warnings)


class EncoderSet(Mapping[str, Encoder]):
    """Mapping from seat key to encoder, in the profile's order; each encoder is loaded by its first look-up.

    Looking up a seat that cannot be loaded raises its SafeClipError and leaves the others unharmed; RETRY_SECONDS after
    that its load is tried again. Safe to use from several threads.
    """

    def __init__(self, seats: Sequence[Seat], *, device: str | torch.device | None = None) -> None:
        self.seats = {seat.key: seat for seat in seats}
        self._device = device
        self._loaded: dict[str, Encoder] = {}
        self._failed: dict[str, tuple[float, SafeClipError]] = {}  # when, by the monotonic clock, and how
        self._lock = threading.Lock()  # one for all seats

    @property
    def reference(self) -> str:
        """Key of the first seat, with which the others are compared."""
        return next(iter(self.seats))

    def __getitem__(self, key: str) -> Encoder:
        seat = self.seats[key]
        if key not in self._loaded:
            with self._lock:
                if key not in self._loaded:
                    self._loaded[key] = self._load(seat)
        return self._loaded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.seats)

    def __len__(self) -> int:
        return len(self.seats)

    def is_loaded(self, key: str) -> bool:
        """Whether a seat's encoder is in memory, so that its checkpoint is on this machine."""
        return key in self._loaded

    def preload(self, keys: Iterable[str]) -> None:
        """Loads encoders now; one that cannot be loaded raises its error when it is looked up."""
        for key in keys:
            with contextlib.suppress(SafeClipError):
                self[key]

    def encode_texts(self, texts: Sequence[str], seats: Sequence[str] | None = None) -> Encoded:
        """Embeds n texts under `seats` (all by default), tokenised once for all that share a tokenizer.

        Raises QueryError for an unknown seat.
        """
        encoded, prepared = self._encode(
            texts, seats, shared_by="tokenizer_hash", prepare=Encoder.tokenize, embed=Encoder.embed_tokens
        )
        cuts: dict[int, tuple[str, ...]] = {}
        for encoder, tokens in prepared:
            for row, note in _cut_notes(encoder, tokens):
                cuts[row] = (*cuts.get(row, ()), note)
        return replace(encoded, cuts=cuts)

    def cuts(self, text: str, seat: str) -> tuple[str, ...]:
        """What a seat does not read of a long text, in a sentence; none of a text that fits. Raises SafeClipError."""
        return tuple(note for _, note in _cut_notes(self[seat], self[seat].tokenize([text])))

    def encode_images(self, images: Sequence["Image.Image"], seats: Sequence[str] | None = None) -> Encoded:
        """Embeds n images under `seats` (all by default), preprocessed once for all that share a preprocessing.

        Raises QueryError for an unknown seat.
        """
        encoded, _ = self._encode(
            images, seats, shared_by="preprocessing_hash", prepare=Encoder.pixels, embed=Encoder.embed_pixels
        )
        return encoded

    def _encode(
        self,
        inputs: Sequence[Any],
        seats: Sequence[str] | None,
        *,
        shared_by: str,
        prepare: Callable[[Encoder, Sequence[Any]], Any],
        embed: Callable[[Encoder, Any], np.ndarray],
    ) -> tuple[Encoded, list[tuple[Encoder, Any]]]:
        """Returns the embeddings, and each preparation of the inputs with the encoder that made it."""
        check_seats(self.seats, seats or ())
        prepared: dict[str, tuple[Encoder, Any]] = {}
        embeddings, errors = {}, {}
        for key in self if seats is None else seats:
            try:
                encoder = self[key]
                share = getattr(encoder, shared_by)
                if share not in prepared:
                    prepared[share] = encoder, prepare(encoder, inputs)
                embeddings[key] = embed(encoder, prepared[share][1])
            except SafeClipError as error:
                errors[key] = str(error)
            except RuntimeError as error:  # torch's: out of memory, a lost device
                errors[key] = f"{self.seats[key].label} could not encode the query: {first_line(error)}"
        warnings = {key: tuple(f"{self.seats[key].label}: {each}" for each in self[key].warnings) for key in embeddings}
        return Encoded(embeddings, errors, warnings), list(prepared.values())

    def device_of(self, key: str) -> torch.device:
        """The device of a seat's encoder, which is not loaded for it. Raises DeviceError for what names none."""
        return as_device(self._device or self.seats[key].device)

    def _load(self, seat: Seat) -> Encoder:
        """Loads an encoder. Raises SafeClipError, soon after a failure the same one, as a batch asks for each item."""
        if seat.key in self._failed and time.monotonic() < self._failed[seat.key][0] + RETRY_SECONDS:
            raise self._failed[seat.key][1].with_traceback(None)
        try:
            device = self.device_of(seat.key)
            return Encoder.from_pretrained(**vars(seat.source()), device=device, dtype=precision(device, seat.dtype))
        except SafeClipError as error:
            failure = error
        except Exception as error:  # libraries raise many kinds for files that they did not expect
            log.exception("%s could not be loaded", seat.checkpoint)
            failure = CheckpointError(f"{seat.checkpoint}: the encoder cannot be loaded: {first_line(error)}")
        self._failed[seat.key] = time.monotonic(), failure
        raise failure.with_traceback(None)


def _cut_notes(encoder: Encoder, tokens: Tokens) -> Iterator[tuple[int, str]]:
    """Yields the number of every text that was longer than the encoder reads, with a sentence."""
    for row in torch.nonzero(tokens["length"] > encoder.max_length).flatten().tolist():
        kept = encoder.tokenizer.decode(tokens["input_ids"][row], skip_special_tokens=True)
        yield row, cut_note(kept, encoder.max_length)
