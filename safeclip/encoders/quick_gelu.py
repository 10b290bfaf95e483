"""Detects checkpoints whose configuration names the wrong activation, QuickGELU or GELU.

OpenAI's CLIP, and whatever was tuned from it, computes x·σ(1.702x) where LAION's and others compute GELU. transformers
takes QuickGELU where config.json says nothing. Under the wrong activation the same weights give similar, wrong
embeddings. Nothing in the weights tells, so the name of a checkpoint is examined, and a second copy of it in another
format.
"""

import re
from typing import Any

import numpy as np

QUICK_GELU, GELU = "quick_gelu", "gelu"  # as transformers names them

PROBE = "a photo of a dog beside a red bicycle"
# The largest distance between two copies' embeddings of the probe that rounding explains, in single and half precision.
_SINGLE, _HALF = 1e-3, 5e-2

# Repositories and names that only OpenAI's weights and those tuned from them go by.
_FROM_OPENAI = re.compile(r"openai/clip-|safeclip_vit-l|safer_clip|/hysac\b|\.openai\b", re.IGNORECASE)

_FROM_LAION = re.compile(r"\blaion[/-]|laion\d*b|safeclip_vit-h|datacomp", re.IGNORECASE)


def from_openai(*names: object) -> bool:
    """Whether one of these names of a checkpoint means OpenAI's weights, or weights tuned from them."""
    return any(_FROM_OPENAI.search(str(name)) for name in names if name)


def needed_activation(*names: object) -> str | None:
    """The activation that weights under these names were trained with; None where the names do not say."""
    if from_openai(*names):
        return QUICK_GELU
    return GELU if any(_FROM_LAION.search(str(name)) for name in names if name) else None


def activations(config: dict[str, Any]) -> set[str]:
    """The activations of both towers that transformers takes from config.json.

    In files of 2022 a second table, text_config_dict, wins over text_config, and so do the defaults of what it omits.
    """
    tables = []
    for tower in ("text", "vision"):
        second = config.get(f"{tower}_config_dict")
        tables.append(second if second is not None else config.get(f"{tower}_config") or {})
    return {table.get("hidden_act", QUICK_GELU) for table in tables}


def doubts(source: str, config: dict[str, Any]) -> list[str]:
    """Returns a sentence for a transformers configuration that contradicts the origin of its weights, or nothing.

    `source` is the name of the checkpoint, `config` the content of its config.json.
    """
    needed, found = needed_activation(source, config.get("_name_or_path")), activations(config)
    if needed is None or found == {needed}:
        return []
    origin, name = ("OpenAI's", "QuickGELU") if needed == QUICK_GELU else ("LAION's", "GELU")
    said = f"config.json says {', '.join(sorted(found))}"
    if "hidden_act" not in str(config):
        said = "config.json says nothing, for which transformers takes quick_gelu"
    return [
        f"{source} comes from {origin} weights, which need {name}, but its {said}: its scores cannot be trusted. "
        f"Set hidden_act to {needed} in both towers."
    ]


def agree(a: np.ndarray, b: np.ndarray, *, half: bool) -> bool:
    """Whether two embeddings (1, d) of one text differ by no more than rounding, in `half` or in single precision."""
    return a.shape == b.shape and float(np.linalg.norm(a - b)) < (_HALF if half else _SINGLE)
