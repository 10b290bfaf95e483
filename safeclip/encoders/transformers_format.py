"""A CLIP in the layout of `transformers`: config.json and weights, with a PEFT adapter merged into it."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel

from ..errors import CheckpointError, first_line
from ..hashing import file_sha256
from ..runtime.hub import ADAPTER
from ..runtime.quiet import quiet_loading
from .weights import read_weights


def read_model(directory: Path, dtype: torch.dtype) -> CLIPModel:
    """Load the model of a directory. Raises CheckpointError when a file is missing or does not fit."""
    for pattern in ("config.json", "model*.safetensors"):
        if not list(directory.glob(pattern)) and not (pattern != "config.json" and _archives(directory)):
            raise CheckpointError(f"{directory}: {pattern} is missing; a CLIP checkpoint needs it.")
    if (kind := read_config(directory).get("model_type")) != "clip":
        raise CheckpointError(f"{directory}: this is a checkpoint of type {kind!r}; one of type “clip” is needed.")
    weights = None if _safetensors(directory) else _read_archives(directory)
    try:
        with quiet_loading():
            model, info = _from_pretrained(directory, weights, dtype)
    except Exception as error:  # transformers and safetensors raise many kinds for a file they cannot use
        raise CheckpointError(f"{directory}: the weights cannot be loaded: {first_line(error)}") from error
    if absent := sorted(info["missing_keys"]):  # transformers would go on with random numbers in their place
        raise CheckpointError(f"{directory}: the weights lack {len(absent)} tensors, among them {absent[0]}.")
    return model


def read_config(directory: Path) -> dict[str, Any]:
    """The content of config.json. Raises CheckpointError when it is no JSON."""
    path = directory / "config.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: this is not valid JSON: {error}") from error


def has_weights(directory: Path) -> bool:
    """Whether there are weights of this format at all."""
    return bool(_safetensors(directory) or _archives(directory))


def hashes(directory: Path) -> dict[str, Any]:
    """What of the directory decides an embedding, beside tokens and pixels."""
    return {
        "config": file_sha256(directory / "config.json"),
        "weights": [file_sha256(path) for path in _safetensors(directory) or _archives(directory)],
    }


def merge_adapter(model: CLIPModel, adapter: Path) -> CLIPModel:
    """The model with a PEFT adapter's change in its weights. Raises CheckpointError when it is of another model."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    for name in ADAPTER:
        if not (adapter / name).is_file():
            raise CheckpointError(f"{adapter}: {name} is missing; a PEFT adapter needs it.")
    try:
        with warnings.catch_warnings():  # PEFT's about missing tensors; they are compared below
            warnings.simplefilter("ignore")
            tuned = PeftModel.from_pretrained(model, adapter)
        with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
            stored = set(file.keys())
    except Exception as error:
        raise CheckpointError(f"{adapter}: the adapter cannot be loaded: {first_line(error)}") from error
    # "auto" would look the base model up on the hub under the name that the adapter's configuration gives it.
    if odd := sorted(stored ^ set(get_peft_model_state_dict(tuned, save_embedding_layers=False))):
        raise CheckpointError(f"{adapter}: the adapter is of another model: {len(odd)} tensors, as {odd[0]}.")
    return tuned.merge_and_unload()


def _from_pretrained(
    directory: Path, weights: dict[str, torch.Tensor] | None, dtype: torch.dtype
) -> tuple[CLIPModel, dict[str, Any]]:
    options = {"dtype": dtype, "attn_implementation": "sdpa", "output_loading_info": True}
    if weights is not None:
        config = CLIPConfig.from_pretrained(directory, local_files_only=True)
        return CLIPModel.from_pretrained(None, config=config, state_dict=weights, **options)
    return CLIPModel.from_pretrained(directory, use_safetensors=True, local_files_only=True, **options)


def _safetensors(directory: Path) -> list[Path]:
    return sorted(directory.glob("model*.safetensors"))


def _archives(directory: Path) -> list[Path]:
    return sorted(directory.glob("pytorch_model*.bin"))


def _read_archives(directory: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in _archives(directory) for name, tensor in read_weights(path).items()}
