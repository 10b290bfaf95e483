"""Stores the linear layers of a model in 8 or 4 bits with bitsandbytes, which needs an NVIDIA GPU."""

import importlib
import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError

if TYPE_CHECKING:
    import torch

BITS = ("8bit", "4bit")  # values of a profile's `quantize`
# Of the memory of a linear layer in half precision, the share that is left: NF4 has a scale for every 64 weights.
_LEFT = {"": 1.0, "8bit": 0.5, "4bit": 0.28}


def share_left(linear: float, quantize: str) -> float:
    """Share of a model's weights in half precision that is left when a share `linear` of them is quantised."""
    return 1 - linear * (1 - _LEFT[quantize])


def can_quantize() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("bitsandbytes") is not None


def options(
    library: str, quantize: str, device: "torch.device", dtype: "torch.dtype", kept: Sequence[str] = ()
) -> dict[str, Any]:
    """Options of `from_pretrained` of a library (transformers, diffusers) for `quantize`, one of BITS; none for "".

    The modules `kept` keep their precision. Raises CheckpointError when this machine cannot quantise.
    """
    if not quantize:
        return {}
    if device.type != "cuda":
        raise CheckpointError(f"Loading in {quantize} needs an NVIDIA GPU. Leave `quantize` out of the profile.")
    if not can_quantize():
        raise CheckpointError(
            f"Loading in {quantize} needs a package: pip install bitsandbytes. Or leave `quantize` out."
        )
    config = importlib.import_module(library).BitsAndBytesConfig(
        load_in_8bit=quantize == "8bit",
        load_in_4bit=quantize == "4bit",
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=[*kept] or None,
    )
    return {"quantization_config": config, "device_map": {"": device}}


def is_quantized(model: Any) -> bool:
    """Whether a model of transformers or diffusers was loaded with such options; it is on its device already."""
    return getattr(model, "hf_quantizer", None) is not None
