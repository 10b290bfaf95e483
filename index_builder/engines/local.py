"""Engine `local`: processes or threads prepare batches ahead, and this process embeds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch

from .batches import Batch, EmbeddedBatch, EmbeddingTask, Engine, finish
from .cores import usable_cores
from .preparing import Preparation, Prepare, Prepared, prepare
from .workers import preparing_in_workers

_THREADS = 2


def local_engine(task: EmbeddingTask) -> Engine:
    """Engine of this machine. On a CPU one batch a core is embedded at a time, on a GPU one batch.

    One thread computes a batch, so that the number of cores does not change the last bit of an embedding.
    """
    on_cpu = all(encoder.device.type == "cpu" for encoder in task.encoders)
    lanes = usable_cores() if on_cpu else 1

    def run(batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
        waiting: deque = deque()
        with _preparing(task) as prepare_all, _one_thread_each(on_cpu), ThreadPoolExecutor(lanes, "embed") as pool:
            for prepared in prepare_all(batches):
                waiting.append(pool.submit(finish, prepared, task))
                if len(waiting) > lanes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    return run


def _preparing(task: EmbeddingTask) -> AbstractContextManager[Prepare]:
    if task.workers:
        return preparing_in_workers(task.preparation, task.workers)
    return nullcontext(partial(_prepare_in_threads, task.preparation))


def _prepare_in_threads(preparation: Preparation, batches: Iterable[Batch]) -> Iterator[Prepared]:
    waiting: deque = deque()
    with ThreadPoolExecutor(_THREADS, "prepare") as pool:
        for batch in batches:
            waiting.append(pool.submit(prepare, batch, preparation))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _one_thread_each(on_cpu: bool) -> Iterator[None]:
    """Lets torch use one thread a computation inside the block, on a CPU."""
    before = torch.get_num_threads()
    if on_cpu:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
