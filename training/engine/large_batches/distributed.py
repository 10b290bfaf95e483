"""Data-parallel training: several processes, each with a share of every batch, started by `torchrun`.

A loss that compares the rows of a batch is computed from the embeddings of all ranks, so each rank has the loss of the
whole batch. The backward pass of `gather` gives a rank the gradient of its own rows times the number of ranks, and
gradients of parameters are then averaged over ranks. Rows that were gathered so contribute once each, and parameters
that every rank uses in the same way, such as a learnt curvature, count once.
"""

import datetime
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from safeclip.errors import ProfileError

from .trees import map_tensors

T = TypeVar("T")

TIMEOUT = datetime.timedelta(hours=12)  # while the first rank prepares the data, the others wait


@dataclass(frozen=True)
class World:
    """The processes of a run. `rank` is the number of this one, `local_rank` its number on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def join(cls) -> "World":
        """Joins the processes that torchrun started, over NCCL or Gloo; alone without torchrun."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)
        return cls(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this rank writes the files of the run."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The rows of a batch of `count` that this rank has. Raises ProfileError when they cannot be divided evenly."""
        if count % self.size:
            raise ProfileError(
                f"a batch of {count} rows cannot be divided among {self.size} processes; choose another batch size."
            )
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, value: T) -> T:
        """Joins the ranks' structures of tensors along the first dimension, in the order of ranks, with gradients."""
        return value if self.size == 1 else map_tensors(_Gather.apply, value)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces the gradients by their means over all ranks. Every rank has gradients of the same parameters."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, decision: bool) -> bool:
        """The first rank's decision, on every rank."""
        if self.size == 1:
            return decision
        told = torch.tensor([int(decision)], device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.broadcast(told, src=0)
        return bool(told.item())

    def first_before_others(self, prepare: Callable[[], T]) -> T:
        """Lets the first rank prepare files, and then the other ranks read them."""
        if self.size == 1:
            return prepare()
        if self.first:
            result = prepare()
        dist.barrier()
        if not self.first:
            result = prepare()
        dist.barrier()
        return result

    def wait(self) -> None:
        """Waits until every rank has come here."""
        if self.size > 1:
            dist.barrier()


ALONE = World()


class _Gather(torch.autograd.Function):
    """All ranks' rows, of equal number on each; backward gives this rank's rows their gradient times the ranks."""

    @staticmethod
    def forward(context, own: torch.Tensor) -> torch.Tensor:
        context.rows = len(own)
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        start = dist.get_rank() * context.rows
        return gradient[start : start + context.rows] * dist.get_world_size()
