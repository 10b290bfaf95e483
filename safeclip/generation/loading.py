"""Loads the parts of a text-to-image pipeline from a directory, every tensor of them from a file."""

from pathlib import Path
from typing import Any

import torch

from ..encoders.weights import require_finite
from ..errors import CheckpointError, first_line
from ..runtime.checkpoint_files import CheckpointFiles
from ..runtime.quiet import quiet_loading
from .families import FAMILIES, Family
from .model_index import require_family


def load_pipeline(checkpoint: Path, name: str, files: CheckpointFiles, dtype: torch.dtype) -> Any:
    """The pipeline of the family `name` on the CPU, read from those of `files` that the directory holds.

    Raises CheckpointError when a file is missing or does not fit.
    """
    require_family(checkpoint, name)
    files.require(checkpoint)
    return _load(checkpoint, FAMILIES[name], files, dtype)


def _load(checkpoint: Path, family: Family, files: CheckpointFiles, dtype: torch.dtype) -> Any:
    import diffusers
    import transformers

    options: dict[str, Any] = {"use_safetensors": True, "local_files_only": True}
    parts: dict[str, Any] = {}
    absent: dict[str, list[str]] = {}
    try:
        with quiet_loading():
            for name, kind in family.text_encoders.items():
                parts[name], info = getattr(transformers, kind).from_pretrained(
                    checkpoint / name,
                    dtype=dtype,
                    variant=files.variant(checkpoint, name),
                    output_loading_info=True,
                    **options,
                )
                absent[name] = list(info["missing_keys"])
            for name, kind in family.models.items():
                parts[name] = getattr(diffusers, kind).from_pretrained(
                    checkpoint / name,
                    dtype=torch.float32 if name == "vae" and family.vae_in_float32 else dtype,
                    variant=files.variant(checkpoint, name),
                    **options,
                )
                absent[name] = _missing(parts[name])
            pipeline = getattr(diffusers, family.pipeline).from_pretrained(
                checkpoint, **parts, **dict.fromkeys(family.absent), local_files_only=True
            )
    except Exception as error:  # the libraries raise many kinds for a file that they cannot use
        raise CheckpointError(f"{checkpoint}: the pipeline cannot be loaded: {first_line(error)}") from error
    for name, keys in absent.items():
        if keys:  # both libraries would go on without them
            raise CheckpointError(f"{checkpoint}/{name}: the weights lack {len(keys)} tensors, as {min(keys)}.")
        require_finite(parts[name], f"{checkpoint}/{name}")
    return pipeline


def _missing(part: torch.nn.Module) -> list[str]:
    """Names of a module's tensors for which no file had a value."""
    return [name for name, tensor in part.state_dict().items() if tensor.is_meta]
