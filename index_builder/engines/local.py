"""Engine `local`: embeds on this machine, on a CPU in processes of its own, on a GPU in this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from ..in_order import in_order
from .batches import Batch, EmbeddedBatch, EmbeddingTask, Engine, embed_batch, finish, one_torch_thread
from .cores import usable_cores
from .preparing import Prepare, Prepared, prepare
from .workers import embed_in_workers, preparing_in_workers

_THREADS = 2


def local_engine(task: EmbeddingTask) -> Engine:
    """Engine of this machine: on a CPU a batch a core at a time, on a GPU one batch while others are prepared.

    On a CPU one thread computes a batch, so that the number of cores does not change the last bit of an embedding.
    """
    if any(encoder.device.type != "cpu" for encoder in task.encoders):
        return partial(_embed_on_gpu, task)
    return partial(embed_in_workers if task.workers else _embed_in_threads, task)


def _embed_in_threads(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
    cores = usable_cores()
    with one_torch_thread(), ThreadPoolExecutor(cores, "embed") as pool:
        yield from in_order(pool, partial(embed_batch, task=task), batches, 2 * cores)


def _embed_on_gpu(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
    with _preparing(task) as prepare_all, ThreadPoolExecutor(1, "embed") as pool:
        yield from in_order(pool, partial(finish, task=task), prepare_all(batches), 1)


def _preparing(task: EmbeddingTask) -> AbstractContextManager[Prepare]:
    """Prepares batches in the task's processes, or for a task without any in threads."""
    if task.workers:
        return preparing_in_workers(task.preparation, task.workers)
    return nullcontext(partial(_prepare_in_threads, task))


def _prepare_in_threads(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[Prepared]:
    with ThreadPoolExecutor(_THREADS, "prepare") as pool:
        yield from in_order(pool, partial(prepare, preparation=task.preparation), batches, _THREADS)
