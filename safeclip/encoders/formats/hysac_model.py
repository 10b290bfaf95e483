"""Reads HySAC: a CLIP whose features lie on a hyperboloid, safe ones near its root and unsafe ones far from it.

Poppi et al., Hyperbolic Safety-Aware Vision-Language Models, CVPR 2025 (arXiv 2503.12127). The published file holds
both towers with their LoRA beside the weights, the logarithms of the curvature and of each modality's scale, and, in
`hysac_bounds.json`, how far safe texts ("S") and safe images ("V") reach from the root.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import torch

from ...errors import CheckpointError
from ...hashing import file_sha256
from ...runtime.checkpoint_files import read_config
from ..geometry import Modality
from ..lorentz import Lorentz
from ..parts import EncoderParts
from ..processors import read_processors
from ..weights import read_weights
from .layouts import HYSAC, HYSAC_BOUNDS
from .transformers_model import ClipModelTowers, load_model

_SCALARS = ("curv", "textual_alpha", "visual_alpha")
_LORA_ALPHA = 1.0  # of the published training recipe, which the file does not repeat
_SAFE_SETS: dict[Modality, str] = {"text": "S", "image": "V"}
_PERCENTILE, _MARGIN_AT = "up_95", 0.8  # of the released traversal


def read_parts(directory: Path, backbone: Path, dtype: torch.dtype, *, traverse: bool) -> EncoderParts:
    """Loads the published layout on the CPU; `backbone` holds config.json, tokenizer and image processor.

    Without `traverse` queries are left where they are. Raises CheckpointError when a file is missing or its tensors are
    not those of such a model.
    """
    HYSAC.require(directory)
    path = HYSAC.weight_files(directory)[0]
    content = read_weights(path)
    if absent := [name for name in _SCALARS if name not in content]:
        raise CheckpointError(f"{path}: the weights lack {', '.join(absent)}, which a hyperbolic encoder needs.")
    curvature, text_scale, image_scale = (float(content[name].float().exp()) for name in _SCALARS)
    config = backbone / "config.json"
    if not config.is_file() or read_config(config).get("model_type") != "clip":
        raise CheckpointError(f"{backbone}: the config.json of a CLIP is missing; a hyperbolic encoder needs it.")
    towers = ClipModelTowers(load_model(backbone, f"{path}: the weights", dtype, merged(content)))
    radii = _radii(directory / HYSAC_BOUNDS, curvature) if traverse else {}
    return EncoderParts(
        towers,
        read_processors(backbone, towers.max_length, image_size=towers.image_size),
        # not of the radii: they move queries, never what is in an index
        identity={"hyperbolic": file_sha256(path), "config": file_sha256(config)},
        geometry=Lorentz(curvature, {"text": text_scale, "image": image_scale}, radii),
    )


def merged(content: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names the towers' tensors as `CLIPModel` does and adds each LoRA's change B·A·α/r to its weight."""
    weights = {}
    for key, tensor in content.items():
        tower = re.match(r"(?:visual|textual)\.(?:base_model\.model\.)?", key)
        if tower is None or ".lora_" in key or key.endswith("position_ids"):  # a buffer of older makes
            continue
        name = key[tower.end() :].replace(".base_layer.", ".")
        down = content.get(key.replace(".base_layer.weight", ".lora_A.default.weight"))
        up = content.get(key.replace(".base_layer.weight", ".lora_B.default.weight"))
        if ".base_layer.weight" in key and down is not None and up is not None:
            change = up.flatten(1).float() @ down.flatten(1).float()  # of a convolution too: its B is 1×1
            tensor = tensor.float() + (_LORA_ALPHA / len(down)) * change.view_as(tensor)
        weights[name] = tensor
    weights["logit_scale"] = content.get("logit_scale", torch.tensor(math.log(100.0)))
    return weights


def _radii(path: Path, curvature: float) -> dict[Modality, float]:
    """Bounds a query's distance from the root by what 95 of 100 safe items reach, and the released margin."""
    try:
        bounds: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        reached = {modality: float(bounds[key][_PERCENTILE]) for modality, key in _SAFE_SETS.items()}
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: the file is missing, so nothing says where safety ends. Set traverse = false to do without."
        ) from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise CheckpointError(f"{path}: the bounds of safety cannot be read ({error!r}).") from error
    return {modality: far + 1 + math.tanh((far - _MARGIN_AT) / curvature) for modality, far in reached.items()}
