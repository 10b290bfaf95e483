"""Numbered batches from worker processes: batch i is the same whichever worker makes it and wherever a run starts."""

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

Batch = TypeVar("Batch")


class _Numbered(Dataset, Generic[Batch]):
    def __init__(self, make: Callable[[int], Batch], last: int):
        self._make = make
        self._last = last

    def __len__(self) -> int:
        return self._last

    def __getitem__(self, index: int) -> Batch:
        return self._make(index)


def numbered_batches(make: Callable[[int], Batch], first: int, last: int, workers: int = 1) -> Iterator[Batch]:
    """`make(first)` … `make(last - 1)`, in order, prepared ahead by `workers` processes (0: in this one).

    Workers are forked, as nothing of `make` can be sent to another process; where a system does not fork, this process
    prepares them.
    """
    workers = workers if sys.platform == "linux" else 0
    loader = DataLoader(
        _Numbered(make, last),
        batch_size=None,
        sampler=range(first, last),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_prepare,
    )
    return iter(loader)


def _prepare(worker: int) -> None:
    torch.set_num_threads(1)  # the cores belong to the training process
    for each in (signal.SIGINT, signal.SIGTERM):  # sent to the group: the training process ends its workers
        signal.signal(each, signal.SIG_IGN)
