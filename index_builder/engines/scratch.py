"""Folder for what the processes of a build share while it runs, and those that killed builds have left behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from safeclip.errors import short_reason

from ..errors import BuildError
from ..store.folders import CAN_LOCK, exclusive

PREFIX = "safeclip-index-"
_LOCKED_BY_THEN = 60  # seconds after which a folder that no build holds is one that a killed build has left


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in the system's one for temporary files, locked, and deleted when the block ends.

    Abandoned ones beside it, which may hold gigabytes, are deleted too. Raises BuildError when none can be made.
    """
    try:
        temporary = TemporaryDirectory(prefix=PREFIX)
    except OSError as error:
        raise BuildError(
            f"There is no folder for temporary files ({short_reason(error)}). Name one by the environment variable "
            "TMPDIR, or do without processes: --workers 0."
        ) from error
    with temporary as name, exclusive(Path(name)):
        _delete_abandoned(Path(name).parent)
        yield Path(name)


def _delete_abandoned(parent: Path) -> None:
    if not CAN_LOCK:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, BuildError):  # of another user, just deleted, or held by a build
            if time.time() - folder.stat().st_mtime > _LOCKED_BY_THEN:
                with exclusive(folder):
                    shutil.rmtree(folder)
