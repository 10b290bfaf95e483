"""Worker processes that prepare batches, and what happens when one of them dies.

A decoder that crashes, or runs out of memory, takes its process along but not the build: the batch is tried again, then
its rows one by one, and a row that ends its process twice becomes a fault.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait

import numpy as np
import torch

from ..errors import BuildError
from ..store.ledger import Fault
from .preparing import Batch, Preparation, Prepare, Prepared, prepare

_AHEAD = 2  # batches a worker that are submitted, which bounds the memory that they take
_ATTEMPTS = 2
DIED = "decoding it ended the process twice: it takes too much memory, or the decoder is at fault"

_preparation: Preparation  # of a worker process


@contextmanager
def preparing_in_workers(preparation: Preparation, workers: int) -> Iterator[Prepare]:
    """Yields a function that prepares batches of images in `workers` processes, which live until the block ends."""
    pool = _Pool(preparation, workers)
    try:
        yield partial(_prepare_all, pool)
    finally:
        pool.close()


def _prepare_all(pool: _Pool, batches: Iterable[Batch]) -> Iterator[Prepared]:
    waiting: deque[tuple[Batch, Future]] = deque()
    for batch in batches:
        waiting.append((batch, pool.submit(batch)))
        if len(waiting) > _AHEAD * pool.workers:
            yield _first(waiting, pool)
    while waiting:
        yield _first(waiting, pool)


class _Pool:
    """Worker processes that are started again after one has died."""

    def __init__(self, preparation: Preparation, workers: int):
        self.preparation = preparation
        self.workers = workers
        self._open()

    def submit(self, batch: Batch) -> Future:
        """Starts to prepare a batch; a pool that is broken already fails the future."""
        try:
            return self._executor.submit(_prepare, batch)
        except BrokenProcessPool as error:
            failed: Future = Future()
            failed.set_exception(error)
            return failed

    def restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    def _open(self) -> None:
        # Not forked from this process, whose threads (torch's, and ours) a fork would freeze in any state.
        context = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
        if os.name != "nt":
            context.set_forkserver_preload([__name__, "transformers.models.clip.image_processing_clip"])
        self._executor = ProcessPoolExecutor(self.workers, context, _begin, (self.preparation,))


def _first(waiting: deque[tuple[Batch, Future]], pool: _Pool) -> Prepared:
    """The result of the first batch; when its process died, the batch is prepared alone and the others anew."""
    batch, future = waiting.popleft()
    try:
        return future.result()
    except BrokenProcessPool:
        prepared = _prepare_apart(batch, pool.preparation)
        pool.restart()
        for place, (other, old) in enumerate(waiting):
            if old.cancelled() or old.exception() is not None:
                waiting[place] = (other, pool.submit(other))
        return prepared


def _prepare_apart(batch: Batch, preparation: Preparation) -> Prepared:
    """Prepares a batch with nothing beside it, and when it ends the process again, each of its rows.

    Raises BuildError when a process cannot even prepare a batch without rows.
    """
    pool = _Pool(preparation, 1)
    try:
        return pool.submit(batch).result()
    except BrokenProcessPool:
        pool.restart()
        nothing = _prepare_nothing(batch, pool)
        singles = [replace(batch, rows=batch.rows[place : place + 1]) for place in range(len(batch.rows))]
        return _join(batch, [_prepare_row(single, pool, nothing) for single in singles])
    finally:
        pool.close()


def _prepare_nothing(batch: Batch, pool: _Pool) -> Prepared:
    try:
        return pool.submit(replace(batch, rows=batch.rows[:0])).result()
    except BrokenProcessPool as error:
        raise BuildError("The processes that decode images end at once. Decode in this one: --workers 0.") from error


def _prepare_row(single: Batch, pool: _Pool, nothing: Prepared) -> Prepared:
    for _ in range(_ATTEMPTS):
        try:
            return pool.submit(single).result()
        except BrokenProcessPool:
            pool.restart()
    (row,) = pool.preparation.reader.read(single.modality, single.rows)
    return replace(nothing, batch=single, faults=(Fault(row.id, row.source, DIED),))


def _join(batch: Batch, parts: list[Prepared]) -> Prepared:
    inputs = {key: np.concatenate([part.inputs[key] for part in parts]) for key in parts[0].inputs}
    rows = [row for part in parts for row in part.rows]
    return Prepared(batch, rows, inputs, tuple(fault for part in parts for fault in part.faults))


def _begin(preparation: Preparation) -> None:
    """Makes a new process a worker: it leaves Ctrl-C to its parent, and ends when its parent is gone."""
    global _preparation
    _preparation = preparation
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _prepare(batch: Batch) -> Prepared:
    return prepare(batch, _preparation)
