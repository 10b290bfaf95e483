"""Worker processes that prepare or embed batches, and what happens when one of them dies.

A decoder that crashes, or runs out of memory, takes its process along but not the build: the batch is tried again, then
its rows one by one, and a row that ends its process twice becomes a fault.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from safeclip.errors import first_line

from ..errors import BuildError
from ..store.ledger import Fault
from .batches import EmbeddedBatch, EmbeddingTask, embed_batch, finish, one_torch_thread
from .preparing import Batch, Preparation, Prepare, Prepared, prepare
from .processes import Processes, Work
from .scratch import scratch_folder

_AHEAD = 2  # batches a worker that are submitted, which bounds the memory that they take
_ATTEMPTS = 2
DIED = "decoding it ended the process twice: it takes too much memory, or the decoder is at fault"

Result = TypeVar("Result")


@contextmanager
def preparing_in_workers(preparation: Preparation, workers: int) -> Iterator[Prepare]:
    """Yields a function that prepares batches of images in `workers` processes, which live until the block ends."""
    with closing(Processes(partial(_preparing, preparation), workers)) as processes:
        yield partial(_in_order, processes, partial(_prepare_apart, preparation))


def embed_in_workers(task: EmbeddingTask, batches: Iterable[Batch]) -> Iterator[EmbeddedBatch]:
    """Embeds batches of images in the task's worker processes, in order. Nothing but vectors passes between processes.

    The processes map the weights from one file in the system's folder for temporary files, so that memory holds them
    once. Raises BuildError when that folder has no room for them.
    """
    with (
        scratch_folder() as folder,
        closing(Processes(partial(_embedding, _save(task, folder)), task.workers, folder)) as processes,
    ):
        yield from _in_order(processes, partial(_embed_apart, task), batches)


def _preparing(preparation: Preparation) -> Work:
    return partial(prepare, preparation=preparation)


def _embedding(saved: Path) -> Work:
    # The file is this build's own, so its pickles may be run.
    return partial(embed_batch, task=torch.load(saved, mmap=True, weights_only=False))


def _embed_apart(task: EmbeddingTask, batch: Batch) -> EmbeddedBatch:
    """Prepares a batch with nothing beside it, and embeds it in this process as one of the others would."""
    prepared = _prepare_apart(task.preparation, batch)
    with one_torch_thread():
        return finish(prepared, task)


def _save(task: EmbeddingTask, folder: Path) -> Path:
    path = folder / "task.pt"
    try:
        torch.save(task, path)
    except (pickle.PicklingError, AttributeError, TypeError) as error:  # of what a format of somebody's own holds
        raise BuildError(
            f"An encoder cannot be given to other processes ({first_line(error)}). Embed in this one: --workers 0."
        ) from error
    except (OSError, RuntimeError) as error:  # torch reports a full disk as the latter
        raise BuildError(
            f"The encoders do not fit into {folder.parent}, from where the processes that embed would read them. Make "
            "room there, name another folder by the environment variable TMPDIR, or do without processes: --workers 0."
        ) from error
    return path


def _in_order(processes: Processes, apart: Callable[[Batch], Result], batches: Iterable[Batch]) -> Iterator[Result]:
    """The results of the batches in their order; that of a batch whose process died comes from `apart`."""
    waiting: deque[tuple[Batch, Future]] = deque()
    for batch in batches:
        waiting.append((batch, processes.submit(batch)))
        if len(waiting) > _AHEAD * processes.count:
            yield _first(waiting, processes, apart)
    while waiting:
        yield _first(waiting, processes, apart)


def _first(waiting: deque[tuple[Batch, Future]], processes: Processes, apart: Callable[[Batch], Any]) -> Any:
    """The result of the first batch; when its process died, the batch is worked on apart and the others anew."""
    batch, future = waiting.popleft()
    try:
        return future.result()
    except BrokenProcessPool:
        result = apart(batch)
        processes.restart()
        for place, (other, old) in enumerate(waiting):
            if old.cancelled() or old.exception() is not None:
                waiting[place] = (other, processes.submit(other))
        return result


def _prepare_apart(preparation: Preparation, batch: Batch) -> Prepared:
    """Prepares a batch with nothing beside it, and when it ends the process again, each of its rows.

    Raises BuildError when a process cannot even prepare a batch without rows.
    """
    with closing(Processes(partial(_preparing, preparation), 1)) as processes:
        try:
            return processes.submit(batch).result()
        except BrokenProcessPool:
            processes.restart()
            nothing = _prepare_nothing(batch, processes)
            singles = [replace(batch, rows=batch.rows[place : place + 1]) for place in range(len(batch.rows))]
            return _join(batch, [_prepare_row(single, processes, preparation, nothing) for single in singles])


def _prepare_nothing(batch: Batch, processes: Processes) -> Prepared:
    try:
        return processes.submit(replace(batch, rows=batch.rows[:0])).result()
    except BrokenProcessPool as error:
        raise BuildError("The processes that decode images end at once. Decode in this one: --workers 0.") from error


def _prepare_row(single: Batch, processes: Processes, preparation: Preparation, nothing: Prepared) -> Prepared:
    for _ in range(_ATTEMPTS):
        try:
            return processes.submit(single).result()
        except BrokenProcessPool:
            processes.restart()
    (row,) = preparation.reader.read(single.modality, single.rows)
    return replace(nothing, batch=single, faults=(Fault(row.id, row.source, DIED),))


def _join(batch: Batch, parts: list[Prepared]) -> Prepared:
    inputs = {key: np.concatenate([part.inputs[key] for part in parts]) for key in parts[0].inputs}
    rows = [row for part in parts for row in part.rows]
    return Prepared(batch, rows, inputs, tuple(fault for part in parts for fault in part.faults))
