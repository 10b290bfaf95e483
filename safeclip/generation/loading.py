"""Loads the parts of a text-to-image pipeline from a directory, every tensor of them from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..encoders.weights import require_finite
from ..errors import CheckpointError, first_line
from ..runtime import quantization
from ..runtime.checkpoint_files import CheckpointFiles
from ..runtime.quiet import quiet_loading
from .families import FAMILIES, Family
from .model_index import require_family


@dataclass(frozen=True)
class Wanted:
    """Storage of weights: in `dtype`, some of them with `quantize` bits (see `runtime.quantization`).

    What is quantised is put on `device`, everything else on the CPU.
    """

    dtype: torch.dtype
    device: torch.device
    quantize: str = ""

    def options(self, library: str, part: str, family: Family) -> dict[str, Any]:
        """Options of `from_pretrained` for one part of a family."""
        dtype = torch.float32 if part == "vae" and family.vae_in_float32 else self.dtype
        bits = self.quantize if part in family.quantized else ""
        return {"dtype": dtype, **quantization.options(library, bits, self.device, dtype)}


def load_pipeline(checkpoint: Path, name: str, files: CheckpointFiles, wanted: Wanted) -> Any:
    """The pipeline of the family `name`, read from those of `files` that the directory holds.

    Raises CheckpointError when a file is missing or does not fit, or when this machine cannot quantise.
    """
    require_family(checkpoint, name)
    files.require(checkpoint)
    stored = {
        part: wanted.options(library, part, FAMILIES[name])
        for library, parts in (("transformers", FAMILIES[name].text_encoders), ("diffusers", FAMILIES[name].models))
        for part in parts
    }
    return _load(checkpoint, FAMILIES[name], files, stored)


def _load(checkpoint: Path, family: Family, files: CheckpointFiles, stored: dict[str, dict[str, Any]]) -> Any:
    """Loads a pipeline; `stored` maps each part to its options of `from_pretrained`."""
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
                    variant=files.variant(checkpoint, name),
                    output_loading_info=True,
                    **stored[name],
                    **options,
                )
                absent[name] = list(info["missing_keys"])
            for name, kind in family.models.items():
                parts[name] = getattr(diffusers, kind).from_pretrained(
                    checkpoint / name, variant=files.variant(checkpoint, name), **stored[name], **options
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
