"""Processor cores: how many there are, how many processes work on them, and the memory their threads free."""

from __future__ import annotations

import ctypes
import os
import platform

# Below so many images, starting processes takes longer than they save.
_WORTH_PROCESSES = 1000

# Parameters of glibc's mallopt, and values: blocks up to the largest size that it allows, such as the activations of a
# batch, come from the heap, whose free end is kept up to 1 GiB.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST_THRESHOLD, _KEPT = 32 * 2**20, 2**30


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(asked: int | None, images: int) -> int:
    """The processes that work on images: as many as asked for, else one a core where there are many, else none."""
    if asked is not None:
        return asked
    return usable_cores() if images >= _WORTH_PROCESSES else 0


def keep_freed_memory() -> bool:
    """Lets the C library keep memory that was freed, instead of giving it back and asking for it again in every layer.

    The system clears such memory each time, while the other threads of the process wait. Only glibc knows the setting,
    which lasts as long as the process; returns whether it took it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_THRESHOLD) and mallopt(_TRIM_THRESHOLD, _KEPT))
