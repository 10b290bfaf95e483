"""A CLIP in open_clip's format: an `open_clip` model behind the same interface as any other encoder."""

from pathlib import Path
from typing import Any

import torch
from open_clip.convert import convert_state_dict
from open_clip.model import CLIP, CustomTextCLIP, convert_to_custom_text_state_dict

from ..errors import CheckpointError, first_line
from ..hashing import file_sha256, json_sha256
from . import processors
from .encoder import Encoder
from .open_clip_names import ResolvedName, find
from .weights import read_weights

_TEXT_ONLY = {"layers": 1, "width": 64, "patch_size": 32, "image_size": 32}


class OpenClipEncoder(Encoder):
    """An `open_clip` CLIP. Its tokens and pixels are those of `CLIPProcessor`, so that seats can share them."""

    _dim: int

    @classmethod
    def of(cls, model: torch.nn.Module, like: Encoder, dim: int) -> "OpenClipEncoder":
        """An open_clip model of embeddings of width `dim` that takes its tokens and pixels from `like`."""
        encoder = cls(
            model,
            like.tokenizer,
            like.image_processor,
            fingerprint="",
            tokenizer_hash=like.tokenizer_hash,
            preprocessing_hash=like.preprocessing_hash,
        )
        encoder._dim = dim
        return encoder

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def max_length(self) -> int:
        return self.model.context_length

    def _text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = ids.new_zeros(len(ids), self.max_length)  # open_clip wants every place, and zeros after the end marker
        rows[:, : ids.shape[1]] = ids * mask
        return self.model.encode_text(rows)

    def _image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.encode_image(pixels)


def read_encoder(name: str | Path, dtype: torch.dtype, revision: str | None, processor: Path | None) -> OpenClipEncoder:
    """Load an open_clip checkpoint on the CPU: "hf-hub:owner/name", "architecture:weights" or a directory.

    Raises CheckpointError when a part of it is missing or does not fit, HubError when the hub does not give it.
    """
    found = find(name, revision)
    model = build(found)
    directory = processor or (found.weights.parent if processors.has_processors(found.weights.parent) else None)
    if directory is None:
        tokenizer, vocabulary = processors.openai_tokenizer()
        image_processor = processors.image_processor(found.preprocess, model.visual.image_size)
        tokens = json_sha256([model.context_length, "openai", vocabulary])
    else:
        tokenizer, image_processor = processors.read_processors(directory)
        tokens = processors.tokenizer_hash(directory, model.context_length)
    pixels = processors.preprocessing_hash(image_processor)
    content = {"open_clip": found.config, "weights": file_sha256(found.weights), "tokenizer": tokens}
    encoder = OpenClipEncoder(
        model.to(dtype),
        tokenizer,
        image_processor,
        fingerprint=json_sha256({**content, "preprocessing": pixels}),
        tokenizer_hash=tokens,
        preprocessing_hash=pixels,
        warnings=found.warnings,
    )
    encoder._dim = found.config["embed_dim"]
    return encoder


def build(found: ResolvedName) -> torch.nn.Module:
    """The model that was found, with its weights. Raises CheckpointError."""
    weights = read_weights(found.weights)
    model = make(found.config, found.name)
    try:
        weights = convert_state_dict(model, weights)
        if isinstance(model, CustomTextCLIP):
            weights = convert_to_custom_text_state_dict(weights)
        model.load_state_dict(_reshaped(weights, model))
    except Exception as error:  # open_clip raises many kinds for weights of another architecture
        raise CheckpointError(
            f"{found.weights}: the weights do not fit the architecture {found.name}: {first_line(error)}"
        ) from error
    return model


def text_tower(found: ResolvedName, *, quick_gelu: bool) -> torch.nn.Module:
    """Only what embeds texts, under either activation: enough for a probe, and spares reading the vision tower."""
    config = {**found.config, "quick_gelu": quick_gelu, "vision_cfg": _TEXT_ONLY}
    model = make(config, found.name)
    text = {key: tensor for key, tensor in read_weights(found.weights).items() if not key.startswith("visual.")}
    try:
        model.load_state_dict(text, strict=False)
    except RuntimeError as error:
        raise CheckpointError(
            f"{found.weights}: the weights do not fit the architecture {found.name}: {first_line(error)}"
        ) from error
    return model.eval()


def make(config: dict[str, Any], name: str) -> torch.nn.Module:
    """An open_clip model of this `model_cfg`, its weights random. Raises CheckpointError for one that is no CLIP."""
    text = config.get("text_cfg", {})
    if "multimodal_cfg" in config or any(key in text for key in ("hf_model_name", "hf_tokenizer_name")):
        raise CheckpointError(
            f"{name}: its text tower does not read CLIP's tokens. Choose an open_clip model with CLIP's tokenizer."
        )
    kind = CustomTextCLIP if config.get("custom_text") else CLIP
    options = {key: value for key, value in config.items() if key != "custom_text"}
    try:
        with torch.random.fork_rng(devices=[]):  # what is drawn here is overwritten by the weights
            return kind(**options)
    except Exception as error:
        raise CheckpointError(f"{name}: open_clip cannot make this architecture: {first_line(error)}") from error


def _reshaped(weights: dict[str, torch.Tensor], model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Scalars that some versions of open_clip keep as one number and others as a vector of one."""
    own = {name: tensor for name, tensor in model.named_parameters() if name in ("logit_scale", "logit_bias")}
    return {key: tensor.reshape(own[key].shape) if key in own else tensor for key, tensor in weights.items()}
