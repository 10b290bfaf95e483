"""Device and precision of a run. Recipes and models ask this module and name neither themselves."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from safeclip.errors import ProfileError
from safeclip.runtime import devices

from .large_batches.trees import map_tensors

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)
C = TypeVar("C", torch.Tensor, nn.Module)

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Placement:
    """A device, and the dtype in which matrix products and convolutions run there. Weights stay in float32."""

    device: torch.device
    precision: torch.dtype = torch.bfloat16

    @classmethod
    def of(cls, device: str | None, precision: str, local_rank: int = 0) -> "Placement":
        """The named device, by default the local rank's GPU when there is one. `precision` is a key of PRECISIONS.

        Raises DeviceError for a device and ProfileError for a precision that does not exist.
        """
        dtype = dtype_of(precision)
        found = devices.as_device(device)
        if found.type == "cuda" and found.index is None and local_rank:
            found = torch.device("cuda", local_rank)
        return cls(found, dtype)

    def module(self, module: M) -> M:
        """Moves a module to the device. Raises DeviceError when it is not there or too small."""
        return devices.place(module, self.device)

    def batch(self, batch: T) -> T:
        """Copies a batch to the device: every tensor inside of dataclasses, dictionaries, lists and tuples."""
        return map_tensors(self._move, batch)

    def autocast(self) -> AbstractContextManager:
        """Runs what is inside in `precision`."""
        return autocast(self.device, self.precision)

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cuda" and tensor.device.type == "cpu":
            tensor = tensor.pin_memory()  # only pinned memory is copied while the GPU computes
        return tensor.to(self.device, non_blocking=True)


def hardware(device: torch.device) -> str:
    """What this process and those beside it train on, for a card: the GPU, or how many of the machine's cores."""
    processes = dist.get_world_size() if dist.is_initialized() else 1
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        return name if processes == 1 else f"{processes} × {name}"
    cores, used = os.cpu_count() or 1, torch.get_num_threads() * processes
    return f"{cores} CPU cores" if used >= cores else f"{used} of {cores} CPU cores"


def dtype_of(precision: str, key: str = "precision") -> torch.dtype:
    """The dtype of a name in PRECISIONS. Raises ProfileError, which names the `key`, for another name."""
    if precision not in PRECISIONS:
        raise ProfileError(f"the key “{key}” is {precision!r}; use one of: {', '.join(PRECISIONS)}.")
    return PRECISIONS[precision]


def autocast(device: torch.device, precision: torch.dtype = torch.bfloat16) -> AbstractContextManager:
    """Automatic mixed precision on `device`; no change for float32, or on a device that has none."""
    if precision == torch.float32 or not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype=precision)


def device_of(module: nn.Module) -> torch.device:
    """The device of a module's first parameter."""
    return next(module.parameters()).device


def channels_last(images: C) -> C:
    """Stores a convolutional network, or images (n, c, h, w), with channels innermost: faster on CPU and GPU alike."""
    return images.to(memory_format=torch.channels_last)
