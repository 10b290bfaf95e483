"""Compares the two copies of a checkpoint that a directory may hold in two formats, on a probe text."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from ...errors import CheckpointError
from ..parts import EncoderParts, Towers
from ..quick_gelu import PROBE, QUICK_GELU, agree, needed_activation
from ..tokens import tokenize
from .layouts import OPEN_CLIP_WEIGHTS

log = logging.getLogger(__name__)


def compare(parts: EncoderParts, directory: Path, name: str) -> list[str]:
    """Returns a sentence when the open_clip weights beside a transformers checkpoint embed the probe otherwise.

    `parts` were read from `directory` in the transformers format and are still on the CPU; `name` is what the profile
    calls the checkpoint.
    """
    if not OPEN_CLIP_WEIGHTS.weight_files(directory):
        return []
    from .open_clip_model import OpenClipTowers, text_tower  # imports open_clip, which takes seconds
    from .open_clip_names import in_directory

    try:
        found = in_directory(directory)
        ours = _probe(parts.towers, parts)
        theirs = {
            quick: _probe(OpenClipTowers(text_tower(found, quick_gelu=quick), found.config["embed_dim"]), parts)
            for quick in (True, False)
        }
    except CheckpointError as error:  # the copy that is not used may be unusable
        log.info("the open_clip weights of %s were not compared: %s", directory, error)
        return []
    declared = bool(found.config.get("quick_gelu"))
    half = next(parts.towers.model.parameters()).dtype != torch.float32
    if agree(ours, theirs[declared], half=half):
        return []
    difference = f"{directory}: its two formats disagree: the cosine of one text is {_cosine(ours, theirs[declared])}"
    if agree(ours, theirs[not declared], half=half):
        return [f"{difference}. {_blamed(name, declared)}: the weights are the same."]
    return [f"{difference}. They hold different weights; delete the one that is out of date."]


def _blamed(name: str, declared: bool) -> str:
    """Says which of the two configurations names the wrong activation; `declared` is open_clip's QuickGELU."""
    ours, theirs = "config.json (hidden_act)", "open_clip_config.json (quick_gelu)"
    needed = needed_activation(name)
    if needed is None:
        return f"{ours} and {theirs} name different activations, and one of them is wrong"
    wrong = ours if declared is (needed == QUICK_GELU) else theirs
    return f"{'QuickGELU' if needed == QUICK_GELU else 'GELU'} was forgotten in {wrong}"


@torch.inference_mode()
def _probe(towers: Towers, parts: EncoderParts) -> np.ndarray:
    """The embedding (1, d) of the probe text by `towers`, with the tokenizer of `parts`."""
    tokens = tokenize(parts.processors.tokenizer, [PROBE], towers.max_length)
    features = towers.text_features(tokens["input_ids"], tokens["attention_mask"])
    return normalize(features.float(), dim=-1).numpy()


def _cosine(a: np.ndarray, b: np.ndarray) -> str:
    return f"{float((a * b).sum()):.3f}" if a.shape == b.shape else "undefined, as their widths differ"
