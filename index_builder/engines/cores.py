"""How many processor cores there are, and how many processes decode images on them."""

from __future__ import annotations

import os

# Below so many images, starting processes takes longer than they save.
_WORTH_PROCESSES = 1000


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(asked: int | None, images: int) -> int:
    """The processes that decode: as many as asked for, else one a core where there are many images, else none."""
    if asked is not None:
        return asked
    return usable_cores() if images >= _WORTH_PROCESSES else 0
