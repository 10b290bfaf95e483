"""Two copies of one checkpoint in two formats, compared on a probe text: do they embed alike?"""

import logging
from pathlib import Path

import numpy as np
import torch

from ..errors import CheckpointError
from ..runtime.hub import OPEN_CLIP_WEIGHTS, files_of
from .encoder import Encoder
from .quick_gelu import PROBE, agree

log = logging.getLogger(__name__)


@torch.inference_mode()
def compare(encoder: Encoder, directory: Path) -> list[str]:
    """A sentence when the open_clip weights beside a transformers checkpoint embed the probe otherwise, or none.

    `encoder` is what was read from `directory` in the transformers format, and still on the CPU.
    """
    if not files_of(directory, OPEN_CLIP_WEIGHTS):
        return []
    from .open_clip_format import OpenClipEncoder, text_tower  # imports open_clip, which takes seconds
    from .open_clip_names import in_directory

    try:
        found = in_directory(directory)
        ours = encoder.encode_texts([PROBE])
        theirs = {}
        for quick in (True, False):
            tower = text_tower(found, quick_gelu=quick)
            copy = OpenClipEncoder.of(tower, encoder, found.config["embed_dim"])
            theirs[quick] = copy.encode_texts([PROBE])
    except CheckpointError as error:  # the copy that is not used may be unusable
        log.info("the open_clip weights of %s were not compared: %s", directory, error)
        return []
    declared = bool(found.config.get("quick_gelu"))
    half = encoder.dtype != torch.float32
    if agree(ours, theirs[declared], half=half):
        return []
    difference = f"{directory}: its two formats disagree: the cosine of one text is {_cosine(ours, theirs[declared])}"
    if agree(ours, theirs[not declared], half=half):
        which = "config.json (hidden_act)" if declared else "open_clip_config.json (quick_gelu)"
        return [f"{difference}. QuickGELU was forgotten in {which}: the weights are the same."]
    return [f"{difference}. They hold different weights; delete the one that is out of date."]


def _cosine(a: np.ndarray, b: np.ndarray) -> str:
    return f"{float((a * b).sum()):.3f}" if a.shape == b.shape else "undefined, as their widths differ"
