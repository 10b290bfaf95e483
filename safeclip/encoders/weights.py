"""Reads weights from a file and never executes a pickle."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ..errors import CheckpointError, first_line

# What PyTorch says of an archive without its end, in the formats before and since version 1.6.
_CUT_SHORT = (
    "central directory",
    "PytorchStreamReader",
    "Ran out of input",
    "unexpected EOF",
    "storage has wrong",
    "Invalid argument",
)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Reads the tensors, by name, of a .safetensors file or of a PyTorch archive that holds tensors alone.

    Raises CheckpointError when the file cannot be read, would have to be executed, or holds no dictionary of tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = _load_archive(path)
    except Exception as error:  # pickle, zip, torch and safetensors raise many kinds
        raise CheckpointError(f"{path}: the weights cannot be read: {_reason(error)}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path}: there are no weights in this file.")
    if unnamed := [key for key in content if not isinstance(key, str)]:
        raise CheckpointError(f"{path}: {unnamed[0]!r} is no name of a tensor, so this is no file of weights.")
    if strange := [key for key, value in content.items() if not isinstance(value, torch.Tensor)]:
        raise CheckpointError(f"{path}: “{strange[0]}” is no tensor, so this is no file of weights.")
    return {key.removeprefix("module."): value for key, value in content.items()}


def require_finite(model: torch.nn.Module, what: str) -> None:
    """Raises CheckpointError, beginning with `what`, when a weight of `model` is NaN or infinite."""
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not torch.isfinite(weight).all():
            raise CheckpointError(
                f"{what}: the weight {name} holds NaN or infinite numbers, so nothing computed with it means anything. "
                "Fetch the checkpoint again, or take one from before its training diverged."
            )


def _load_archive(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
        return torch.load(path, map_location="cpu", weights_only=True)  # written before PyTorch 1.6


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError) or any(words in str(error) for words in _CUT_SHORT):
        return "the file is cut short or damaged. Fetch it again."
    if "weights_only" in str(error):
        return "it holds more than tensors, which would have to be executed to be read. Convert it to safetensors."
    return first_line(error)
