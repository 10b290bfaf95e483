"""One CLIP encoder: texts or pictures in, L2-normalised embeddings out."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import CLIPImageProcessor, CLIPTokenizer

from ..errors import DeviceError
from ..runtime.devices import is_out_of_memory, release_memory

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

Tokens = dict[str, torch.Tensor]

# A text of more characters is cut before it is tokenised; no CLIP reads more than 77 tokens.
_MAX_CHARACTERS = 10_000
# Calling a fast tokenizer may rewrite its padding settings, which fails while another thread is inside it.
_tokenizing = threading.Lock()


class Encoder:
    """A `transformers.CLIPModel` with its tokenizer and image processor. Safe to call from several threads.

    `fingerprint` names everything that decides an embedding. Encoders with equal `tokenizer_hash` may share
    tokens, those with equal `preprocessing_hash` pixels. `warnings` are sentences about a checkpoint that loads but
    cannot be trusted. A checkpoint of another format makes an encoder of a subclass, with a `model` of its own kind.
    """

    metric = "inner_product"  # of `as_query`'s result with an embedding: here the cosine

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: CLIPTokenizer,
        image_processor: CLIPImageProcessor,
        *,
        fingerprint: str,
        tokenizer_hash: str,
        preprocessing_hash: str,
        warnings: Sequence[str] = (),
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.fingerprint = fingerprint
        self.tokenizer_hash = tokenizer_hash
        self.preprocessing_hash = preprocessing_hash
        self.warnings = tuple(warnings)

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
    ) -> Self:
        """Load a checkpoint of any format, and merge the PEFT checkpoint `adapter` into it.

        `checkpoint` is a directory, a repository of the hub or an open_clip name; `processor` is where the tokenizer
        and the image processor come from instead; `profiles.Seat` explains these and the other options. `device`
        defaults to the GPU when there is one. Weights are read from safetensors, or from PyTorch's archives without
        running what they hold.
        Raises CheckpointError when a file is missing or does not fit the architecture, HubError when it cannot be
        had from the hub, DeviceError when the device cannot take it.
        """
        from .loading import load

        return load(
            checkpoint,
            adapter,
            device=device,
            dtype=dtype,
            revision=revision,
            processor=processor,
            kind=kind,
            traverse=traverse,
        )

    @property
    def dim(self) -> int:
        """The width d of an embedding."""
        return self.model.config.projection_dim

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return next(self.model.parameters()).dtype

    @property
    def logit_scale(self) -> float:
        """The factor that turns a cosine into a logit."""
        return float(self.model.logit_scale.exp())

    @property
    def max_length(self) -> int:
        """How many tokens of a text are read, the two markers of its ends included."""
        return self.model.config.text_config.max_position_embeddings

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """n texts → `input_ids` and `attention_mask` (n, L) int64, `length` (n,) int64.

        `length` counts a text's tokens before any cut. L is the largest, but at most `max_length`: a text
        beyond that keeps its beginning and its end marker.
        """
        texts = [text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        with _tokenizing:
            rows = self.tokenizer(texts, verbose=False)["input_ids"] if texts else []
        lengths = [len(row) for row in rows]
        width = min(max(lengths, default=0), self.max_length)
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            kept = row if len(row) <= width else row[: width - 1] + row[-1:]
            ids[i, : len(kept)] = torch.tensor(kept)
            mask[i, : len(kept)] = 1
        return {"input_ids": ids, "attention_mask": mask, "length": torch.tensor(lengths, dtype=torch.int64)}

    def pixels(self, images: Sequence["Image.Image"]) -> torch.Tensor:
        """n pictures of any size → (n, 3, H, W) float32 on the CPU: resized, cropped, normalised."""
        if not images:
            size = self.image_processor.crop_size if self.image_processor.do_center_crop else self.image_processor.size
            return torch.empty(0, 3, size["height"], size["width"])
        rgb = [image if image.mode == "RGB" else image.convert("RGB") for image in images]
        return self.image_processor(rgb, return_tensors="pt")["pixel_values"]

    def embed_tokens(self, tokens: Tokens, *, batch_size: int = 256) -> np.ndarray:
        """The result of `tokenize` → (n, d) float32, L2-normalised. Raises DeviceError when memory runs out."""

        def embed(rows: slice) -> torch.Tensor:
            ids, mask = (tokens[key][rows].to(self.device) for key in ("input_ids", "attention_mask"))
            return self._from_text(self._text_features(ids, mask).float())

        return self._embed(embed, len(tokens["input_ids"]), batch_size)

    def embed_pixels(self, pixels: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
        """The result of `pixels` → (n, d) float32, L2-normalised. Raises DeviceError when memory runs out."""

        def embed(rows: slice) -> torch.Tensor:
            return self._from_image(self._image_features(pixels[rows].to(self.device, self.dtype)).float())

        return self._embed(embed, len(pixels), batch_size)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """n texts → (n, d) float32, L2-normalised."""
        return self.embed_tokens(self.tokenize(texts))

    def encode_images(self, images: Sequence["Image.Image"]) -> np.ndarray:
        """n pictures → (n, d) float32, L2-normalised."""
        return self.embed_pixels(self.pixels(images))

    def as_query(self, embeddings: np.ndarray, modality: str) -> np.ndarray:
        """Embeddings (n, d) of a `modality` ("text" or "image") → what their inner product with an index ranks by."""
        return embeddings

    def _text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, L) tokens on the device → (n, d) features, not normalised."""
        return self.model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output

    def _image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) pixels on the device → (n, d) features, not normalised."""
        return self.model.get_image_features(pixels).pooler_output

    def _from_text(self, features: torch.Tensor) -> torch.Tensor:
        return normalize(features, dim=-1)

    def _from_image(self, features: torch.Tensor) -> torch.Tensor:
        return normalize(features, dim=-1)

    @torch.inference_mode()
    def _embed(self, embed: Callable[[slice], torch.Tensor], n: int, batch_size: int) -> np.ndarray:
        """Batch after batch; one for which memory does not suffice is tried again in halves."""
        out = np.empty((n, self.dim), np.float32)
        start = 0
        while start < n:
            rows = slice(start, min(start + batch_size, n))
            size = rows.stop - rows.start
            if (embedded := _unless_out_of_memory(embed, rows)) is not None:
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


def _unless_out_of_memory(embed: Callable[[slice], torch.Tensor], rows: slice) -> Any:
    """The rows' embeddings in memory of the CPU, or None: the exception, which holds tensors, is gone by then."""
    try:
        return embed(rows).cpu().numpy()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
