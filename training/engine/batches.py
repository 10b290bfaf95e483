"""Numbered batches from worker processes: batch i is the same whichever worker makes it and wherever a run starts."""

import atexit
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from safeclip.errors import SafeClipError

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class _Failure:
    """Why a batch could not be made. It comes back as a value: the loader would put its own text before an error's."""

    error: Exception


class _Numbered(Dataset, Generic[Batch]):
    def __init__(self, make: Callable[[int], Batch], last: int):
        self._make = make
        self._last = last

    def __len__(self) -> int:
        return self._last

    def __getitem__(self, index: int) -> Batch | _Failure:
        try:
            return self._make(index)
        except Exception as error:
            if get_worker_info() is None:
                raise
            if not isinstance(error, SafeClipError):
                error.add_note(traceback.format_exc())  # where in the worker: the traceback itself stays there
            return _Failure(error)


def numbered_batches(make: Callable[[int], Batch], first: int, last: int, workers: int = 1) -> Iterator[Batch]:
    """`make(first)` … `make(last - 1)`, in order, prepared ahead by `workers` processes (0: in this one).

    Workers are forked, as nothing of `make` can be sent to another process; where a system does not fork, this process
    prepares them. Raises what `make` raises.
    """
    workers = workers if sys.platform == "linux" else 0
    loader = DataLoader(
        _Numbered(make, last),
        batch_size=None,
        sampler=range(first, last),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        worker_init_fn=partial(_prepare, _leaving()) if workers else None,
    )
    for made in loader:
        if isinstance(made, _Failure):
            raise made.error
        yield made


@cache
def _leaving() -> Any:
    """A shared byte that turns 1 when this process exits, whose workers may end then."""
    leaving = get_context("fork").RawValue("b")
    atexit.register(setattr, leaving, "value", 1)
    return leaving


def _prepare(leaving: Any, worker: int) -> None:
    """Lets a worker outlast the signals that end a run, as they go to all of its processes.

    The training process finishes its step after them and ends its workers itself; while it exits it does so by SIGTERM,
    and waits for them.
    """
    torch.set_num_threads(1)  # the cores belong to the training process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0) if leaving.value else None)
