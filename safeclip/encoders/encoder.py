"""One encoder: texts or images to embeddings, whatever format its checkpoint has."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import torch
from PIL import Image

from ..errors import DeviceError, ImageError, QueryError, SafeClipError
from ..hashing import json_sha256
from ..options import as_list, check_number
from ..runtime.checkpoint_names import locate
from ..runtime.device_lock import computing_on
from ..runtime.devices import as_device, is_out_of_memory, place, release_memory
from . import formats
from .formats.declaration import CheckpointSource
from .geometry import Cosine
from .parts import EncoderParts
from .pixels import pixels
from .tokens import Tokens, tokenize

log = logging.getLogger(__name__)

T = TypeVar("T")


class Encoder:
    """A CLIP with its tokenizer, image processor and geometry. Safe to call from several threads.

    `fingerprint` names everything that decides an embedding. Encoders with equal `tokenizer_hash` may share tokens,
    those with equal `preprocessing_hash` pixels. `geometry` says how embeddings are compared. `warnings` are sentences
    about a checkpoint that loads but cannot be trusted.
    """

    def __init__(self, parts: EncoderParts) -> None:
        """Makes an encoder of what a format read; its model is put in evaluation mode, without gradients."""
        parts.towers.model.eval().requires_grad_(False)
        self.towers = parts.towers
        self.geometry = parts.geometry
        self.tokenizer = parts.processors.tokenizer
        self.image_processor = parts.processors.image_processor
        self.tokenizer_hash = parts.processors.tokenizer_hash
        self.preprocessing_hash = parts.processors.preprocessing_hash
        self.fingerprint = parts.fingerprint
        self.warnings = parts.warnings

    @property
    def search_fingerprint(self) -> str:
        """Names everything that decides what a query finds: the embeddings, and how queries are moved, if they are."""
        if isinstance(self.geometry, Cosine):
            return self.fingerprint
        return json_sha256([self.fingerprint, repr(self.geometry)])

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        adapter: str | Path | None = None,
        *,
        device: str | torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        revision: str | None = None,
        processor: str | Path | None = None,
        kind: str = "clip",
        traverse: bool = True,
        half: bool = False,
    ) -> Self:
        """Loads a checkpoint of any format in `formats.FORMATS`, with the PEFT checkpoint `adapter` merged into it.

        The options are those of a profile's seat (`seat.Seat`), "" standing for none: a name that is a str is found as
        it is there, with relative paths from `paths.root()`, and a Path is taken as it is. Where `half` is set, files
        in half precision are read where the checkpoint has some, whatever `dtype` they are put in. `device` defaults to
        the GPU when there is one. Weights are read from safetensors, or from PyTorch's archives without running code
        that these may hold. Raises CheckpointError when a file is missing or does not fit the architecture, HubError
        when the hub does not give it, DeviceError when the device cannot take the model.
        """
        device = as_device(device)
        adapter, processor = _located(adapter) if adapter else None, _located(processor) if processor else None
        source = CheckpointSource(_located(checkpoint), adapter, processor, revision, kind, traverse, half)
        parts = formats.read(source, dtype)
        place(parts.towers.model, device)
        for warning in parts.warnings:
            log.warning("%s", warning)
        return cls(parts)

    @property
    def model(self) -> Any:
        """Underlying `torch.nn.Module`, of its format's own class."""
        return self.towers.model

    @property
    def dim(self) -> int:
        """Width d of an embedding."""
        return self.geometry.width(self.towers.width)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.model.parameters()).dtype

    @property
    def logit_scale(self) -> float:
        """Factor that turns a cosine into a logit."""
        return self.towers.logit_scale

    @property
    def max_length(self) -> int:
        """Number of tokens of a text that are read, the two end markers included."""
        return self.towers.max_length

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Tokenises n texts into rows of at most `max_length` tokens; see `tokens.tokenize`.

        Raises QueryError for a single text in the place of a list, and for a text that is no str.
        """
        several = _all_of(str, as_list("texts", texts), QueryError, "Give a list of texts.")
        return tokenize(self.tokenizer, several, self.max_length, padded=self.towers.padded)

    def pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Resizes, crops and normalises n images of any size and mode; see `pixels.pixels`.

        Raises ImageError for a single image in the place of a list, and for what is no PIL image.
        """
        advice = "Give a list of PIL images; safeclip.images.loading.open_image makes one of a path, bytes or an array."
        several = as_list("images", images, Image.Image, ImageError)
        return pixels(self.image_processor, _all_of(Image.Image, several, ImageError, advice))

    def embed_tokens(self, tokens: Tokens, *, batch_size: int = 256) -> np.ndarray:
        """Embeds n texts, as `tokenize` returns them: (n, d) float32.

        Raises QueryError for a batch size below 1, DeviceError when memory runs out.
        """

        def embed(rows: slice) -> torch.Tensor:
            ids, mask = (tokens[key][rows].to(self.device) for key in ("input_ids", "attention_mask"))
            return self.geometry.embed(self.towers.text_features(ids, mask).float(), "text")

        return self._embed(embed, len(tokens["input_ids"]), batch_size)

    def embed_pixels(self, pixels: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
        """Embeds n images, as `pixels` returns them: (n, d) float32. Raises as `embed_tokens`."""

        def embed(rows: slice) -> torch.Tensor:
            features = self.towers.image_features(pixels[rows].to(self.device, self.dtype))
            return self.geometry.embed(features.float(), "image")

        return self._embed(embed, len(pixels), batch_size)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds n texts: (n, d) float32 points of the encoder's geometry, L2-normalised where that is the cosine.

        Raises as `tokenize` and `embed_tokens`.
        """
        return self.embed_tokens(self.tokenize(texts))

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Embeds n images: (n, d) float32 points of the encoder's geometry, L2-normalised where that is the cosine.

        Raises as `pixels` and `embed_pixels`.
        """
        return self.embed_pixels(self.pixels(images))

    @torch.inference_mode()
    def _embed(self, embed: Callable[[slice], torch.Tensor], n: int, batch_size: int) -> np.ndarray:
        """Embeds batch after batch; a batch that memory does not hold is tried again in halves."""
        check_number("batch size", batch_size, 1, math.inf, whole=True)
        out = np.empty((n, self.dim), np.float32)
        start = 0
        while start < n:
            rows = slice(start, min(start + batch_size, n))
            size = rows.stop - rows.start
            with computing_on(self.device):
                embedded = _unless_out_of_memory(embed, rows)
            if embedded is not None:
                out[rows] = embedded
                start = rows.stop
            elif size > 1:
                batch_size = size // 2
                log.warning("memory ran out on %s: going on with batches of %d", self.device, batch_size)
                release_memory()
            else:
                raise DeviceError(
                    f"The memory of {self.device} does not suffice for a single input. "
                    'Close other programs, or set device = "cpu" for this seat.'
                )
        return out


def _all_of(kind: type[T], inputs: list[T], error: type[SafeClipError], advice: str) -> list[T]:
    """The inputs. Raises `error`, with `advice`, for the first that is of another type."""
    for i, each in enumerate(inputs):
        if not isinstance(each, kind):
            raise error(f"Input {i} is of type {type(each).__name__}, not {kind.__name__}. {advice}")
    return inputs


def _located(name: str | Path) -> str | Path:
    return locate(name) if isinstance(name, str) else name


def _unless_out_of_memory(embed: Callable[[slice], torch.Tensor], rows: slice) -> np.ndarray | None:
    """Returns the rows' embeddings on the CPU, or None; the exception, which holds tensors, is gone by then."""
    try:
        return embed(rows).cpu().numpy()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
