"""Engine `local`: embeds in this process, and lets processes of its own decode the images."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import torch

from .batches import Batch, EmbeddedBatch, EmbeddingTask, Engine, finish
from .cores import usable_cores
from .preparing import Preparation, Prepare, Prepared, prepare
from .workers import preparing_in_workers

_THREADS = 2

Given = TypeVar("Given")
Result = TypeVar("Result")


def local_engine(task: EmbeddingTask) -> Engine:
    """Engine of this machine: on a CPU a batch a core at a time, on a GPU one batch while others are prepared.

    On a CPU one thread computes a batch, so that the number of cores does not change the last bit of an embedding.
    """
    on_cpu = all(encoder.device.type == "cpu" for encoder in task.encoders)
    return partial(_embed_on_cores if on_cpu else _embed_on_gpu, task)


def _embed_on_cores(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
    """Every lane takes a batch, waits until its process has prepared it, and embeds it.

    Decoding ahead would give the cores more to do at once than there are cores, which costs them their caches.
    """
    lanes = max(usable_cores(), task.workers)
    idle: SimpleQueue[Prepare] = SimpleQueue()  # as many as there are lanes, so that none ever waits for one

    def embed(batch: Batch) -> EmbeddedBatch:
        preparing = idle.get()
        try:
            (prepared,) = preparing([batch])
        finally:
            idle.put(preparing)
        return finish(prepared, task)

    with ExitStack() as stack:
        stack.enter_context(_one_thread_each())
        for _ in range(lanes):
            idle.put(stack.enter_context(_preparing(task, 1, _prepare_here)))
        yield from _in_order(stack.enter_context(ThreadPoolExecutor(lanes, "embed")), embed, batches, 2 * lanes)


def _embed_on_gpu(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
    with (
        _preparing(task, task.workers, _prepare_in_threads) as prepare_all,
        ThreadPoolExecutor(1, "embed") as pool,
    ):
        yield from _in_order(pool, lambda prepared: finish(prepared, task), prepare_all(batches), 1)


def _in_order(
    pool: ThreadPoolExecutor, function: Callable[[Given], Result], given: Iterable[Given], ahead: int
) -> Iterator[Result]:
    """The function's results in the order of what is given, of which at most `ahead` wait beside the first."""
    waiting: deque = deque()
    for each in given:
        waiting.append(pool.submit(function, each))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _preparing(
    task: EmbeddingTask, processes: int, here: Callable[[Preparation, Iterable[Batch]], Iterator[Prepared]]
) -> AbstractContextManager[Prepare]:
    """Prepares in so many processes, or for a task without workers by `here` in this one."""
    if task.workers:
        return preparing_in_workers(task.preparation, processes)
    return nullcontext(partial(here, task.preparation))


def _prepare_here(preparation: Preparation, batches: Iterable[Batch]) -> Iterator[Prepared]:
    return (prepare(batch, preparation) for batch in batches)


def _prepare_in_threads(preparation: Preparation, batches: Iterable[Batch]) -> Iterator[Prepared]:
    with ThreadPoolExecutor(_THREADS, "prepare") as pool:
        yield from _in_order(pool, lambda batch: prepare(batch, preparation), batches, _THREADS)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Lets torch use one thread a computation inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
