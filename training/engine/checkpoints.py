"""Training state on disk: written whole or not at all, so that a run killed at any moment resumes from the last one."""

import os
from pathlib import Path
from typing import Any

import torch

NAME = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's state atomically: a temporary file, fsynced, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{NAME}.partial"
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / NAME)


def load_state(folder: Path) -> dict[str, Any] | None:
    """The last saved state, or None when there is none yet. Nothing but tensors and plain values is unpickled."""
    path = folder / NAME
    if not path.is_file():
        return None
    return torch.load(path, map_location="cpu", weights_only=True)
