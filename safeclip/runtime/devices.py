"""Chooses devices and precisions, moves models there, and recognises errors of exhausted memory."""

from typing import TypeVar

import torch

from ..errors import DeviceError, first_line
from .machine import zero_gpu

M = TypeVar("M", bound=torch.nn.Module)

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")


def default_device() -> torch.device:
    """The first GPU when this process has one, else the CPU.

    ZeroGPU counts as none: encoders stay on the CPU, where a query takes less time than borrowing the GPU.
    """
    return torch.device("cuda" if torch.cuda.is_available() and not zero_gpu() else "cpu")


def as_device(device: str | torch.device | None) -> torch.device:
    """Turns torch's name of a device into one; None is `default_device()`.

    Raises DeviceError for an unknown name, and for "meta", whose tensors hold no numbers.
    """
    try:
        found = default_device() if device is None else torch.device(device)
    except RuntimeError as error:
        raise _no_device(device) from error
    if found.type == "meta":
        raise _no_device(device)
    return found


def _no_device(device: str | torch.device | None) -> DeviceError:
    return DeviceError(f"“{device}” is no device: use cpu, cuda, or cuda:1 for the second GPU.")


def precision(device: torch.device, dtype: str) -> torch.dtype:
    """The dtype to load weights in: `dtype` (torch's name), but float32 in the place of float16 on a CPU.

    CPUs compute float16 slowly or not at all, and bfloat16 in half of float32's memory.
    """
    return torch.float32 if device.type == "cpu" and dtype == "float16" else getattr(torch, dtype)


def place(model: M, device: str | torch.device) -> M:
    """Moves `model` to `device`. Raises DeviceError when the device does not exist or is too small."""
    try:
        return model.to(device)
    except (RuntimeError, AssertionError, ImportError) as error:  # ImportError: of hpu, whose module is its maker's
        if is_out_of_memory(error):
            size = sum(parameter.nbytes for parameter in model.parameters()) / 1e9
            reason = f'{size:.1f} GB of weights do not fit. Close other programs, or set device = "cpu" for this seat'
        else:
            reason = f"{first_line(error).rstrip('.')}. Choose another device, or none"
        raise DeviceError(f"The device “{device}” cannot take the model: {reason}.") from error


def memory_format(device: torch.device) -> torch.memory_format:
    """Memory format of images and weights (n, c, h, w) for a device's convolutions: channels last on an NVIDIA GPU."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or FAISS says that memory ran out; each has wordings of its own."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)
    )


def release_memory() -> None:
    """Returns GPU memory that torch caches for later allocations."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
