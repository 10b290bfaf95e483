"""Processes that work on batches, and are started again after one of them has died."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from .cores import keep_freed_memory
from .preparing import Batch

Work = Callable[[Batch], Any]

# What every process needs, imported once for all of them.
_SHARED_MODULES = ["transformers.models.clip.image_processing_clip", "transformers.models.clip.modeling_clip"]

_work: Work  # of a worker process


class Processes:
    """`count` processes, each with a function of its own to apply to batches, which `start` returns there.

    `start` travels to the processes by pickle. They delete the folder `scratch` when this process is killed and cannot.
    """

    def __init__(self, start: Callable[[], Work], count: int, scratch: Path | None = None) -> None:
        self.count = count
        self._start = start
        self._scratch = scratch
        self._open()

    def submit(self, batch: Batch) -> Future:
        """Starts to work on a batch; processes that are broken already fail the future with BrokenProcessPool."""
        try:
            return self._executor.submit(_apply, batch)
        except (BrokenProcessPool, ConnectionError, EOFError) as error:  # the last two: one that died as it began
            failed: Future = Future()
            failed.set_exception(BrokenProcessPool(str(error)))
            return failed

    def restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        """Ends the processes at once, even in the middle of a batch, which may take minutes."""
        self._running.close()
        self._executor.shutdown(cancel_futures=True)
        self._watched.close()

    def _open(self) -> None:
        # Not forked from this process, whose threads (torch's, and ours) a fork would freeze in any state.
        context = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
        if os.name != "nt":
            context.set_forkserver_preload([__name__, *_SHARED_MODULES])
            _start_forkserver()
        self._watched, self._running = context.Pipe(duplex=False)
        arguments = (self._start, self._watched, self._scratch)
        self._executor = ProcessPoolExecutor(self.count, context, _begin, arguments)


def _start_forkserver() -> None:
    """Starts the process that all workers are forked from, unless it runs, with Ctrl-C blocked in it and in them.

    Ctrl-C reaches every process of a terminal, and would end this one with a traceback while it imports.
    """
    from multiprocessing import forkserver, resource_tracker  # not for Windows

    resource_tracker.ensure_running()  # which would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(start: Callable[[], Work], watched: Connection, scratch: Path | None) -> None:
    """Makes a new process a worker: it leaves Ctrl-C to its parent, and ends when told to, or when its parent is gone.

    It computes with one thread, so that the number of cores does not change the last bit of an embedding.
    """
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, args=(watched, scratch), daemon=True).start()
    keep_freed_memory()
    torch.set_num_threads(1)
    _work = start()


def end_with_parent(watched: Connection, scratch: Path | None) -> None:
    """Ends this process when the other end of `watched` is closed; when the parent is gone, without `scratch`."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is not the main process
    if parent.sentinel in wait([parent.sentinel, watched]) and scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def _apply(batch: Batch) -> Any:
    return _work(batch)
