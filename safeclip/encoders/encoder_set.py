"""The encoders of a profile under one tokenizer and one image processor, and blends between two of them."""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from ..errors import CheckpointError, QueryError, SafeClipError, first_line
from ..hashing import json_sha256
from ..profiles import Seat
from ..runtime.devices import as_device, precision
from ..runtime.hub import locate
from . import Encoder, Tokens

if TYPE_CHECKING:
    from PIL import Image


M = TypeVar("M", bound=torch.nn.Module)


@dataclass(frozen=True)
class Encoded:
    """The same n inputs under several seats: (n, d) float32 by seat, or the message of what went wrong there.

    `notes` tell the user what the encoders could not take in, such as the end of a long text, and which checkpoint
    cannot be trusted.
    """

    embeddings: dict[str, np.ndarray]
    errors: dict[str, str]
    notes: tuple[str, ...] = ()


class EncoderSet(Mapping[str, Encoder]):
    """Seat key → encoder, in the profile's order, each loaded when it is first asked for.

    Looking up a seat that cannot be loaded raises its CheckpointError, every time; the others are unharmed.
    """

    def __init__(self, seats: Sequence[Seat], *, device: str | torch.device | None = None) -> None:
        self.seats = {seat.key: seat for seat in seats}
        self._device = device
        self._loaded: dict[str, Encoder | SafeClipError] = {}
        self._lock = threading.Lock()  # one for all: transformers builds models under process-wide switches

    @property
    def reference(self) -> str:
        """The key of the first seat, the one that the others are compared with."""
        return next(iter(self.seats))

    def __getitem__(self, key: str) -> Encoder:
        seat = self.seats[key]
        if key not in self._loaded:
            with self._lock:
                if key not in self._loaded:
                    self._loaded[key] = self._load(seat)
        found = self._loaded[key]
        if isinstance(found, SafeClipError):
            raise found.with_traceback(None)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.seats)

    def __len__(self) -> int:
        return len(self.seats)

    def preload(self, keys: Iterable[str]) -> None:
        """Load encoders now; one that cannot be loaded says so when it is looked up."""
        for key in keys:
            with contextlib.suppress(SafeClipError):
                self[key]

    def encode_texts(self, texts: Sequence[str], seats: Sequence[str] | None = None) -> Encoded:
        """Embed n texts under `seats` (all by default), tokenised once for all that share a tokenizer."""
        encoded, prepared = self._encode(
            texts, seats, shared_by="tokenizer_hash", prepare=Encoder.tokenize, embed=Encoder.embed_tokens
        )
        notes = [note for encoder, tokens in prepared for note in _cut_notes(encoder, tokens)]
        return Encoded(encoded.embeddings, encoded.errors, tuple(dict.fromkeys((*encoded.notes, *notes))))

    def encode_images(self, images: Sequence["Image.Image"], seats: Sequence[str] | None = None) -> Encoded:
        """Embed n pictures under `seats` (all by default), preprocessed once for all that do it alike."""
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
        """The embeddings, and what was prepared for them with the encoder that did it."""
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
        notes = (f"{self.seats[key].label}: {warning}" for key in embeddings for warning in self[key].warnings)
        return Encoded(embeddings, errors, tuple(notes)), list(prepared.values())

    def _load(self, seat: Seat) -> Encoder | SafeClipError:
        try:
            device = as_device(self._device or seat.device)
            return Encoder.from_pretrained(
                locate(seat.checkpoint),
                seat.adapter and locate(seat.adapter),
                device=device,
                dtype=precision(device, seat.dtype),
                revision=seat.revision,
                processor=seat.processor and locate(seat.processor),
                kind=seat.kind,
                traverse=seat.traverse,
            )
        except SafeClipError as error:
            return error


def blend(a: Encoder, b: Encoder, t: float) -> Encoder:
    """The encoder whose every weight is (1 − t)·a + t·b: a at t = 0, b at t = 1.

    Raises QueryError unless 0 ≤ t ≤ 1, and CheckpointError when the two differ in architecture, tokenizer or
    preprocessing.
    """
    if not 0 <= t <= 1:
        raise QueryError(f"A blend lies between its two encoders: t must be from 0 to 1, not {t}.")
    if _kind(a) != _kind(b) or a.metric != "inner_product":  # between two curvatures there is no straight line
        raise CheckpointError("Only encoders of one architecture, tokenizer and preprocessing can be blended.")
    blended = copy.copy(a)
    blended.model = blend_weights(a.model, b.model, t)
    blended.fingerprint = json_sha256([a.fingerprint, b.fingerprint, t])
    blended.warnings = tuple(dict.fromkeys(a.warnings + b.warnings))
    return blended


def blend_weights(a: M, b: torch.nn.Module, t: float) -> M:
    """A copy of `a`, on its device, whose every weight is (1 − t)·a + t·b; the two must be of one architecture."""
    theirs = b.state_dict()
    blended = copy.deepcopy(a)
    with torch.no_grad():
        for name, tensor in blended.state_dict().items():
            if tensor.is_floating_point():  # the position ids are not
                tensor.lerp_(theirs[name].to(tensor), t)
    return blended


def _kind(encoder: Encoder) -> tuple[Any, ...]:
    shapes = {name: tensor.shape for name, tensor in encoder.model.state_dict().items()}
    return type(encoder), shapes, encoder.tokenizer_hash, encoder.preprocessing_hash


def _cut_notes(encoder: Encoder, tokens: Tokens) -> Iterator[str]:
    """A sentence for every text that was longer than the encoder reads."""
    for row in torch.nonzero(tokens["length"] > encoder.max_length).flatten().tolist():
        kept = encoder.tokenizer.decode(tokens["input_ids"][row], skip_special_tokens=True)
        yield cut_note(kept, encoder.max_length)


def cut_note(kept: str, tokens: int) -> str:
    """What to tell the user of a text of which only `kept` was read, as the model reads no more `tokens`."""
    return (
        f"The text is longer than the {tokens} tokens that the model reads: "
        f"what follows “…{kept[-30:].strip('� ')}” was left out."
    )
