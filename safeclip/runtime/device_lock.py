"""One lock a device: models that share a GPU compute on it one at a time, in the order in which they asked.

A CPU has no such lock. Its cores are shared by the system anyway, and a search must not wait for a picture that takes
minutes there; a model that seats take turns in still serves one request at a time (`shared_model`).
"""

import contextlib
import os
import threading
from collections import deque

import torch

UNLOCKED = frozenset({"cpu", "meta"})  # types of devices


class DeviceLock:
    """Lets one thread at a time into a `with` block, first come, first served; the same thread may enter again."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        with self._changed:
            if self._owner != threading.get_ident():
                self._wait()
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._leave()

    def give_way(self) -> None:
        """Lets those that wait go first, where the calling thread holds the lock; it holds it again on return."""
        with self._changed:
            if self._owner != threading.get_ident() or not self._waiting:
                return
            depth, self._depth = self._depth, 0
            self._leave()
            self._wait()
            self._depth = depth

    def _wait(self) -> None:
        ticket = object()
        self._waiting.append(ticket)
        try:
            self._changed.wait_for(lambda: self._owner is None and self._waiting[0] is ticket)
            self._owner = threading.get_ident()
        finally:
            self._waiting.remove(ticket)

    def _leave(self) -> None:
        self._owner = None
        self._changed.notify_all()


_locks: dict[str, DeviceLock] = {}
_making = threading.Lock()


def computing_on(device: str | torch.device) -> contextlib.AbstractContextManager[None]:
    """The lock of a device, to be held in a `with` block while something is computed there; a CPU's is none."""
    return _lock_of(torch.device(device)) or contextlib.nullcontext()


def give_way(device: str | torch.device) -> None:
    """Lets others compute on a device whose lock the calling thread holds: between two denoising steps, two tokens."""
    if lock := _lock_of(torch.device(device)):
        lock.give_way()


def _lock_of(device: torch.device) -> DeviceLock | None:
    if device.type in UNLOCKED:
        return None
    with _making:
        return _locks.setdefault(f"{device.type}:{device.index or 0}", DeviceLock())


def forget_locks() -> None:
    """Starts a forked process, such as a call's on ZeroGPU, without the locks that threads of its parent held."""
    global _making
    _making = threading.Lock()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_locks)
