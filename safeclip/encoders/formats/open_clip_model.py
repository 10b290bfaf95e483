"""Reads a CLIP in open_clip's format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from open_clip.convert import convert_state_dict
from open_clip.model import CLIP, CustomTextCLIP, convert_to_custom_text_state_dict

from ...errors import CheckpointError, first_line
from ...hashing import file_sha256
from ..parts import EncoderParts, Towers
from ..processors import has_processors, openai_processors, read_processors
from ..weights import read_weights
from .open_clip_names import ResolvedName, find

_TEXT_ONLY = {"layers": 1, "width": 64, "patch_size": 32, "image_size": 32}


@dataclass(frozen=True)
class OpenClipTowers(Towers):
    """Towers of an `open_clip` model. Their tokens and pixels are those of `CLIPProcessor`, so seats can share them."""

    embed_dim: int

    @property
    def width(self) -> int:
        return self.embed_dim

    @property
    def max_length(self) -> int:
        return self.model.context_length

    def text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = ids.new_zeros(len(ids), self.max_length)  # open_clip wants every place, and zeros after the end marker
        rows[:, : ids.shape[1]] = ids * mask
        return self.model.encode_text(rows)

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.encode_image(pixels)


def read_parts(name: str | Path, revision: str | None, processor: Path | None, dtype: torch.dtype) -> EncoderParts:
    """Loads an open_clip checkpoint on the CPU: "hf-hub:owner/name", "architecture:weights" or a directory.

    Tokenizer and image processor are those of `processor`, else those beside the weights, else OpenAI's.
    Raises CheckpointError when a part of it is missing or does not fit, HubError when the hub does not give it.
    """
    found = find(name, revision)
    model: Any = build(found)
    directory = processor or (found.weights.parent if has_processors(found.weights.parent) else None)
    if directory is None:
        processors = openai_processors(found.preprocess, model.visual.image_size, model.context_length)
    else:
        processors = read_processors(directory, model.context_length)
    return EncoderParts(
        OpenClipTowers(model.to(dtype), found.config["embed_dim"]),
        processors,
        identity={"open_clip": found.config, "weights": file_sha256(found.weights)},
        warnings=found.warnings,
    )


def build(found: ResolvedName) -> torch.nn.Module:
    """Makes the model that was found, with its weights. Raises CheckpointError."""
    weights = read_weights(found.weights)
    model = make(found.config, found.name)
    try:
        weights = convert_state_dict(model, weights)
        if isinstance(model, CustomTextCLIP):
            weights = convert_to_custom_text_state_dict(weights)
        model.load_state_dict(_reshaped(weights, model))
    except Exception as error:  # open_clip raises many kinds for weights of another architecture
        raise _misfit(found, error) from error
    return model


def text_tower(found: ResolvedName, *, quick_gelu: bool) -> torch.nn.Module:
    """Makes a model whose text tower alone has its weights, under either activation: enough for a probe text."""
    config = {**found.config, "quick_gelu": quick_gelu, "vision_cfg": _TEXT_ONLY}
    model = make(config, found.name)
    text = {key: tensor for key, tensor in read_weights(found.weights).items() if not key.startswith("visual.")}
    try:
        model.load_state_dict(text, strict=False)
    except RuntimeError as error:
        raise _misfit(found, error) from error
    return model.eval()


def make(config: dict[str, Any], name: str) -> torch.nn.Module:
    """Makes an open_clip model of this `model_cfg` with random weights. Raises CheckpointError for what is no CLIP."""
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
    except Exception as error:  # open_clip raises many kinds for a configuration that it does not know
        raise CheckpointError(f"{name}: open_clip cannot make this architecture: {first_line(error)}") from error


def _misfit(found: ResolvedName, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{found.weights}: the weights do not fit the architecture {found.name}: {first_line(error)}"
    )


def _reshaped(weights: dict[str, torch.Tensor], model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Reshapes scalars that some versions of open_clip keep as one number and others as a vector of one."""
    own = {name: tensor for name, tensor in model.named_parameters() if name in ("logit_scale", "logit_bias")}
    return {key: tensor.reshape(own[key].shape) if key in own else tensor for key, tensor in weights.items()}
