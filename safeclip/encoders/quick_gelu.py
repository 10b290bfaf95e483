"""Detects checkpoints whose configuration forgot QuickGELU.

OpenAI's CLIP, and whatever was tuned from it, computes x·σ(1.702x) where others compute GELU. Under the wrong
activation the same weights give similar, wrong embeddings. Nothing in the weights tells, so the name of a checkpoint
is examined, and a second copy of it in another format.
"""

import re
from typing import Any

import numpy as np

PROBE = "a photo of a dog beside a red bicycle"
# The largest distance between two copies' embeddings of the probe that rounding explains, in single and half precision.
_SINGLE, _HALF = 1e-3, 5e-2

# Repositories and names that only OpenAI's weights and those tuned from them go by.
_FROM_OPENAI = re.compile(r"openai/clip-|safeclip_vit-l|safer_clip|/hysac\b|\.openai\b", re.IGNORECASE)


def from_openai(*names: object) -> bool:
    """Whether one of these names of a checkpoint means OpenAI's weights, or weights tuned from them."""
    return any(_FROM_OPENAI.search(str(name)) for name in names if name)


def doubts(source: str, config: dict[str, Any]) -> list[str]:
    """Returns a sentence for a transformers configuration that contradicts the origin of its weights, or nothing.

    `source` is the name of the checkpoint, `config` the content of its config.json.
    """
    towers = [config.get(f"{tower}_config") or {} for tower in ("text", "vision")]
    activations = {tower.get("hidden_act", "quick_gelu") for tower in towers}  # transformers' default
    if activations == {"quick_gelu"} or not from_openai(source, config.get("_name_or_path")):
        return []
    return [
        f"{source} comes from OpenAI's weights, which need QuickGELU, but its config.json says "
        f"{', '.join(sorted(activations))}: its scores cannot be trusted. Set hidden_act to quick_gelu in both towers."
    ]


def agree(a: np.ndarray, b: np.ndarray, *, half: bool) -> bool:
    """Whether two embeddings (1, d) of one text differ by no more than rounding, in `half` or in single precision."""
    return a.shape == b.shape and float(np.linalg.norm(a - b)) < (_HALF if half else _SINGLE)
