"""HySAC: a CLIP whose features live on a hyperboloid, safe ones near its root and unsafe ones far from it.

Poppi et al., Hyperbolic Safety-Aware Vision-Language Models, CVPR 2025 (arXiv 2503.12127). The published file holds
both towers with their LoRA beside the weights, the logarithms of the curvature and of each modality's scale, and, in
`hysac_bounds.json`, how far safe texts ("S") and safe pictures ("V") reach from the root.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel

from ..errors import CheckpointError, first_line
from ..hashing import file_sha256, json_sha256
from ..runtime.hub import HYPERBOLIC
from ..runtime.quiet import quiet_loading
from . import lorentz, processors
from .encoder import Encoder
from .transformers_format import read_config
from .weights import read_weights

*WEIGHTS, BOUNDS = HYPERBOLIC

_SCALARS = ("curv", "textual_alpha", "visual_alpha")
_LORA_ALPHA = 1.0  # of the published training recipe, which the file does not repeat
_SAFE_SETS = {"text": "S", "image": "V"}
_PERCENTILE, _MARGIN_AT = "up_95", 0.8  # of the released traversal


class HyperbolicEncoder(Encoder):
    """Embeddings are points of a hyperboloid, (n, d + 1): d space coordinates and, last, the time coordinate.

    With the time coordinate of a query negated (`as_query`) the inner product is Lorentz's, so that an index of
    inner products ranks by hyperbolic distance. `radii` say how far from the root a query of each modality may be;
    one that is farther is moved towards the root until it is not.
    """

    metric = "lorentz"
    curvature: float
    scales: dict[str, float]
    radii: dict[str, float]

    @property
    def dim(self) -> int:
        """The width of an embedding, the time coordinate included."""
        return self.model.config.projection_dim + 1

    def as_query(self, embeddings: np.ndarray, modality: str) -> np.ndarray:
        if modality in self.radii:
            embeddings = lorentz.traverse(embeddings, self.radii[modality], self.curvature)
        return lorentz.as_query(embeddings)

    def _from_text(self, features: torch.Tensor) -> torch.Tensor:
        return lorentz.lift(self.scales["text"] * features, self.curvature)

    def _from_image(self, features: torch.Tensor) -> torch.Tensor:
        return lorentz.lift(self.scales["image"] * features, self.curvature)


def read_encoder(directory: Path, dtype: torch.dtype, backbone: Path, *, traverse: bool) -> HyperbolicEncoder:
    """Load the published layout on the CPU; `backbone` gives config.json, tokenizer and image processor.

    Raises CheckpointError when a file is missing or its tensors are not those of such a model.
    """
    path = next((directory / name for name in WEIGHTS if (directory / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{directory}: {WEIGHTS[-1]} is missing; a hyperbolic checkpoint needs it.")
    content = read_weights(path)
    if absent := [name for name in _SCALARS if name not in content]:
        raise CheckpointError(f"{path}: the weights lack {', '.join(absent)}, which a hyperbolic encoder needs.")
    curvature, text_scale, image_scale = (float(content[name].float().exp()) for name in _SCALARS)
    model = _model(path, backbone, merged(content), dtype)
    tokenizer, image_processor = processors.read_processors(backbone)
    radii = _radii(directory / BOUNDS, curvature) if traverse else {}
    tokens = processors.tokenizer_hash(backbone, model.config.text_config.max_position_embeddings)
    pixels = processors.preprocessing_hash(image_processor)
    identity = {
        "hyperbolic": file_sha256(path),
        "config": file_sha256(backbone / "config.json"),
        "tokenizer": tokens,
        "preprocessing": pixels,
    }
    encoder = HyperbolicEncoder(
        model,
        tokenizer,
        image_processor,
        fingerprint=json_sha256(identity),  # not of the radii: they move queries, never what is in an index
        tokenizer_hash=tokens,
        preprocessing_hash=pixels,
    )
    encoder.curvature, encoder.radii = curvature, radii
    encoder.scales = {"text": text_scale, "image": image_scale}
    return encoder


def merged(content: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The towers' tensors under `CLIPModel`'s names, each LoRA's change B·A·α/r added to its weight."""
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


def _model(path: Path, backbone: Path, weights: dict[str, torch.Tensor], dtype: torch.dtype) -> CLIPModel:
    if not (backbone / "config.json").is_file() or read_config(backbone).get("model_type") != "clip":
        raise CheckpointError(f"{backbone}: the config.json of a CLIP is missing; a hyperbolic encoder needs it.")
    try:
        with quiet_loading():
            model, info = CLIPModel.from_pretrained(
                None,
                config=CLIPConfig.from_pretrained(backbone, local_files_only=True),
                state_dict=weights,
                dtype=dtype,
                attn_implementation="sdpa",
                output_loading_info=True,
            )
    except Exception as error:  # transformers raises many kinds for weights of another architecture
        raise CheckpointError(f"{path}: the weights do not fit {backbone}: {first_line(error)}") from error
    if absent := sorted(info["missing_keys"]):
        raise CheckpointError(f"{path}: the weights lack {len(absent)} tensors, among them {absent[0]}.")
    return model


def _radii(path: Path, curvature: float) -> dict[str, float]:
    """How far a query may be from the root: what 95 of 100 safe items reach, and the released margin."""
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
