"""One CLIP encoder: texts or pictures in, L2-normalised embeddings out."""

import json
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

from .compat import Self
from .errors import CheckpointError
from .hashing import file_sha256, json_sha256

if TYPE_CHECKING:
    from PIL import Image

Tokens = dict[str, torch.Tensor]

# A text of more characters is cut before it is tokenised; no CLIP reads more than 77 tokens.
_MAX_CHARACTERS = 10_000
# What of preprocessor_config.json decides a pixel; the rest of it differs between versions of transformers.
_PIXEL_SETTINGS = (
    *("do_convert_rgb", "do_resize", "size", "resample", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
)
# Calling a fast tokenizer may rewrite its padding settings, which fails while another thread is inside it.
_tokenizing = threading.Lock()


class Encoder:
    """A `transformers.CLIPModel` with its tokenizer and image processor. Safe to call from several threads.

    `fingerprint` names everything that decides an embedding. Encoders with equal `tokenizer_hash` may share
    tokens, those with equal `preprocessing_hash` pixels.
    """

    def __init__(
        self,
        model: CLIPModel,
        tokenizer: CLIPTokenizer,
        image_processor: CLIPImageProcessor,
        *,
        fingerprint: str,
        tokenizer_hash: str,
        preprocessing_hash: str,
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.fingerprint = fingerprint
        self.tokenizer_hash = tokenizer_hash
        self.preprocessing_hash = preprocessing_hash

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        adapter: str | Path | None = None,
        *,
        device: str | torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Load a directory in the layout of a hub repository and merge the PEFT directory `adapter` into it.

        Only safetensors are read. `device` defaults to the GPU when there is one.
        Raises CheckpointError when a file is missing or does not fit the architecture.
        """
        checkpoint = Path(checkpoint)
        model = _load_model(checkpoint, dtype)
        tokenizer, image_processor = _load_processors(checkpoint)
        hashes = {
            "config": file_sha256(checkpoint / "config.json"),
            "weights": [file_sha256(path) for path in sorted(checkpoint.glob("model*.safetensors"))],
            "tokenizer": _tokenizer_hash(checkpoint, model),
            "preprocessing": _preprocessing_hash(image_processor),
        }
        if adapter is not None:
            model = _merge_adapter(model, Path(adapter))
            hashes["adapter"] = [file_sha256(Path(adapter) / name) for name in _ADAPTER_FILES]
        return cls(
            model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")),
            tokenizer,
            image_processor,
            fingerprint=json_sha256(hashes),
            tokenizer_hash=hashes["tokenizer"],
            preprocessing_hash=hashes["preprocessing"],
        )

    @property
    def dim(self) -> int:
        """The width d of an embedding."""
        return self.model.config.projection_dim

    @property
    def device(self) -> torch.device:
        return self.model.device

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
            crop = self.image_processor.crop_size
            return torch.empty(0, 3, crop["height"], crop["width"])
        rgb = [image if image.mode == "RGB" else image.convert("RGB") for image in images]
        return self.image_processor(rgb, return_tensors="pt")["pixel_values"]

    def embed_tokens(self, tokens: Tokens, *, batch_size: int = 256) -> np.ndarray:
        """The result of `tokenize` → (n, d) float32, L2-normalised."""

        def features(rows: slice) -> torch.Tensor:
            ids, mask = (tokens[key][rows].to(self.device) for key in ("input_ids", "attention_mask"))
            return self.model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output

        return self._embed(features, len(tokens["input_ids"]), batch_size)

    def embed_pixels(self, pixels: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
        """The result of `pixels` → (n, d) float32, L2-normalised."""

        def features(rows: slice) -> torch.Tensor:
            return self.model.get_image_features(pixels[rows].to(self.device, self.model.dtype)).pooler_output

        return self._embed(features, len(pixels), batch_size)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """n texts → (n, d) float32, L2-normalised."""
        return self.embed_tokens(self.tokenize(texts))

    def encode_images(self, images: Sequence["Image.Image"]) -> np.ndarray:
        """n pictures → (n, d) float32, L2-normalised."""
        return self.embed_pixels(self.pixels(images))

    @torch.inference_mode()
    def _embed(self, features: Callable[[slice], torch.Tensor], n: int, batch_size: int) -> np.ndarray:
        out = np.empty((n, self.dim), np.float32)
        for start in range(0, n, batch_size):
            rows = slice(start, start + batch_size)
            out[rows] = normalize(features(rows).float(), dim=-1).cpu().numpy()
        return out


_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def _load_model(checkpoint: Path, dtype: torch.dtype) -> CLIPModel:
    if not checkpoint.is_dir():
        raise CheckpointError(f"{checkpoint}: there is no such checkpoint. Correct its path in the profile.")
    for pattern in ("config.json", "model*.safetensors"):
        if not list(checkpoint.glob(pattern)):
            raise CheckpointError(f"{checkpoint}: {pattern} is missing; a CLIP checkpoint needs it.")
    if (kind := _read_json(checkpoint / "config.json").get("model_type")) != "clip":
        raise CheckpointError(f"{checkpoint}: this is a checkpoint of type {kind!r}; one of type “clip” is needed.")
    try:
        model, info = CLIPModel.from_pretrained(
            checkpoint, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers and safetensors raise many kinds for a file they cannot use
        raise CheckpointError(f"{checkpoint}: the weights cannot be loaded: {_first_line(error)}") from error
    if absent := sorted(info["missing_keys"]):  # transformers would go on with random numbers in their place
        raise CheckpointError(f"{checkpoint}: the weights lack {len(absent)} tensors, among them {absent[0]}.")
    return model


def _load_processors(checkpoint: Path) -> tuple[CLIPTokenizer, CLIPImageProcessor]:
    for name in _tokenizer_files(checkpoint):
        if not (checkpoint / name).is_file():  # transformers would go on with a tokenizer of no words
            raise CheckpointError(f"{checkpoint}: {name} is missing; the tokenizer needs it.")
    try:
        return (
            CLIPTokenizer.from_pretrained(checkpoint, local_files_only=True),
            CLIPImageProcessor.from_pretrained(checkpoint, local_files_only=True),
        )
    except Exception as error:
        raise CheckpointError(
            f"{checkpoint}: the tokenizer or the image processor cannot be loaded: {_first_line(error)}"
        ) from error


def _merge_adapter(model: CLIPModel, adapter: Path) -> CLIPModel:
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    for name in _ADAPTER_FILES:
        if not (adapter / name).is_file():
            raise CheckpointError(f"{adapter}: {name} is missing; a PEFT adapter needs it.")
    try:
        with warnings.catch_warnings():  # PEFT's about missing tensors; they are compared below
            warnings.simplefilter("ignore")
            tuned = PeftModel.from_pretrained(model, adapter)
        with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
            stored = set(file.keys())
    except Exception as error:
        raise CheckpointError(f"{adapter}: the adapter cannot be loaded: {_first_line(error)}") from error
    if odd := sorted(stored ^ set(get_peft_model_state_dict(tuned))):
        raise CheckpointError(f"{adapter}: the adapter is of another model: {len(odd)} tensors, as {odd[0]}.")
    return tuned.merge_and_unload()


def _tokenizer_files(checkpoint: Path) -> tuple[str, ...]:
    return ("tokenizer.json",) if (checkpoint / "tokenizer.json").is_file() else ("vocab.json", "merges.txt")


def _tokenizer_hash(checkpoint: Path, model: CLIPModel) -> str:
    room = model.config.text_config.max_position_embeddings  # the cut depends on it
    return json_sha256([room, *(file_sha256(checkpoint / name) for name in _tokenizer_files(checkpoint))])


def _preprocessing_hash(image_processor: CLIPImageProcessor) -> str:
    settings = image_processor.to_dict()
    return json_sha256({key: settings.get(key) for key in _PIXEL_SETTINGS})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: this is not valid JSON: {error}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
