"""A copy of the reports in a dataset of the hub, private, written every few minutes by huggingface_hub's scheduler."""

import logging
import threading
from pathlib import Path
from typing import Any

from filelock import BaseFileLock
from huggingface_hub import CommitScheduler

from .store import PATTERN

log = logging.getLogger(__name__)

_MINUTES = 5.0  # between two copies, and between two tries to reach the hub


class HubCopy:
    """Copies a folder to the dataset `repository`, which is made where it does not exist.

    While the hub is away nothing is lost: files that are not there yet are copied when it is back. The history of the
    dataset is squashed after each copy, so that a deleted report is in no older version.
    """

    def __init__(self, repository: str, folder: Path, lock: BaseFileLock, *, minutes: float = _MINUTES) -> None:
        self._options = {"repo_id": repository, "folder_path": folder, "every": minutes}
        self._lock = lock
        self._pause = 60 * minutes
        self._stopped = threading.Event()
        self.scheduler: CommitScheduler | None = None
        self.started = threading.Event()
        threading.Thread(target=self._start, name="reports to the hub", daemon=True).start()

    def stop(self) -> None:
        """Copies no more."""
        self._stopped.set()
        if self.scheduler is not None:
            self.scheduler.stop()

    def _start(self) -> None:
        """Starts the scheduler, which asks for the dataset at once: as often as it takes until the hub answers."""
        while not self._stopped.is_set():
            try:
                self.scheduler = _Scheduler(self._lock, **self._options)
                self.started.set()
                return
            except Exception as error:  # of the hub's client, of the network, of a token
                log.warning("reports stay on this machine for now: %s", type(error).__name__)
            self._stopped.wait(self._pause)


class _Scheduler(CommitScheduler):
    """Looks at the files while nobody writes them: a line is copied whole or not yet."""

    def __init__(self, lock: BaseFileLock, **options: Any) -> None:
        self._files = lock
        super().__init__(repo_type="dataset", private=True, allow_patterns=PATTERN, squash_history=True, **options)

    @property
    def lock(self) -> Any:
        return self._files

    @lock.setter
    def lock(self, lock: Any) -> None:
        """The scheduler makes a lock of its own, which only this process would know."""
