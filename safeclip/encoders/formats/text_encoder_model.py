"""Reads the text encoder of a Stable Diffusion from one state dict."""

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPTextModel

from ...errors import CheckpointError, QueryError, first_line
from ...hashing import file_sha256
from ...runtime.quiet import quiet_loading
from ..parts import EncoderParts, Towers
from ..processors import read_processors
from ..weights import read_weights


class TextEncoderOnly(torch.nn.Module):
    """A `CLIPTextModel` in the place where a CLIPModel has its own."""

    def __init__(self, text_model: CLIPTextModel) -> None:
        super().__init__()
        self.text_model = text_model


class TextEncoderTowers(Towers):
    """Has token states for a UNet and no embeddings to compare."""

    @property
    def width(self) -> int:
        return self.model.text_model.config.hidden_size

    @property
    def max_length(self) -> int:
        return self.model.text_model.config.max_position_embeddings

    def text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        raise QueryError("This seat is a text encoder of Stable Diffusion alone: it cannot search.")

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        raise QueryError("This seat is a text encoder of Stable Diffusion alone: it reads no images.")


def read_parts(file: Path, base: Path, dtype: torch.dtype) -> EncoderParts:
    """Loads the state dict of `file` on the CPU; `base` holds config.json and processors of the CLIP it was tuned from.

    Raises CheckpointError for weights that do not fit it or lack a tensor.
    """
    weights = read_weights(file)
    try:
        config = CLIPConfig.from_pretrained(base, local_files_only=True).text_config
        with quiet_loading():
            model, info = CLIPTextModel.from_pretrained(
                None, config=config, state_dict=weights, dtype=dtype, output_loading_info=True
            )
    except Exception as error:  # transformers raises many kinds for weights that it cannot use
        raise CheckpointError(f"{file}: the weights cannot be loaded: {first_line(error)}") from error
    if absent := sorted(info["missing_keys"]):
        raise CheckpointError(f"{file}: the weights lack {len(absent)} tensors, among them {absent[0]}.")
    towers = TextEncoderTowers(TextEncoderOnly(model))
    identity = {"text_encoder": file_sha256(file), "config": file_sha256(base / "config.json")}
    return EncoderParts(towers, read_processors(base, towers.max_length), identity)
