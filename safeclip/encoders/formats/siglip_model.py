"""Reads a SigLIP in the layout of `transformers`, its tokenizer from tokenizer.json."""

import re
import string
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Regex, normalizers, processors
from transformers import PreTrainedTokenizerFast, SiglipImageProcessor, SiglipModel

from ...runtime.quiet import quiet_loading
from ..parts import EncoderParts
from ..processors import read_processors
from .layouts import SIGLIP
from .transformers_model import ClipModelTowers, model_identity, read_model, with_adapter

BEGIN = "<bos>"  # a token of Gemma's


class SiglipTowers(ClipModelTowers):
    """Towers of a `transformers.SiglipModel`, whose text tower pools its last position and attends to the padding."""

    padded = True

    @property
    def width(self) -> int:
        return self.model.config.text_config.projection_size


def read_parts(directory: Path, adapter: Path | None, dtype: torch.dtype, *, half: bool = False) -> EncoderParts:
    """Loads model, tokenizer and image processor on the CPU, and merges `adapter`. Raises CheckpointError."""
    replace(SIGLIP, half=half).require(directory)
    towers = SiglipTowers(read_model(directory, dtype, SiglipModel, half=half))
    read = read_processors(
        directory,
        towers.max_length,
        image_size=towers.image_size,
        read_tokenizer=read_tokenizer,
        image_processor_type=SiglipImageProcessor,
    )
    parts = EncoderParts(towers, read, model_identity(directory, half=half))
    return parts if adapter is None else with_adapter(parts, adapter)


def read_tokenizer(directory: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a SigLIP, which changes a text as in its training and ends it with the end marker.

    SigLIP was trained on lower case without punctuation, SigLIP 2, whose tokenizer is Gemma's, on lower case. What a
    tokenizer.json has of this already it may do twice. transformers' own class for SigLIP needs sentencepiece.
    """
    with quiet_loading():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(directory, local_files_only=True)
    backend, end = tokenizer.backend_tokenizer, tokenizer.eos_token
    changes: list[normalizers.Normalizer] = [normalizers.Lowercase()]
    if backend.token_to_id(BEGIN) is None:
        changes += [
            normalizers.Replace(Regex(f"[{re.escape(string.punctuation)}]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    backend.normalizer = normalizers.Sequence([*changes, *([backend.normalizer] if backend.normalizer else [])])
    backend.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, tokenizer.eos_token_id)]
    )
    return tokenizer
