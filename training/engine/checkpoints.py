"""Training state on disk: written whole or not at all, so that a run killed at any moment resumes from the last one."""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from safeclip.errors import CheckpointError
from safeclip.runtime.atomic_files import replacing

NAME = "state.pt"
KEYS = {"step", "trainable", "complete"}  # of a state


def require_part(folder: Path, file: str, kind: str) -> None:
    """Raises CheckpointError when `folder` lacks the file of a saved `kind` of model, which a recipe goes on from."""
    if not (folder / file).is_file():
        raise CheckpointError(f"{folder}: there is no {kind} to go on from. Train the recipe before this one first.")


class Stateful(Protocol):
    """An object whose state is saved in a checkpoint: a module, an optimizer, a model selection."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> object: ...


class TrainedParameters:
    """State of the parameters of `module` that require a gradient; frozen ones are read again from their checkpoint."""

    def __init__(self, module: nn.Module):
        self._trained = {name: p for name, p in module.named_parameters() if p.requires_grad}

    def state_dict(self) -> dict[str, Any]:
        return {name: parameter.detach() for name, parameter in self._trained.items()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, parameter in self._trained.items():
            parameter.copy_(state[name])


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replaces the folder's state atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / NAME) as partial:
        torch.save(state, partial)


def has_state(folder: Path) -> bool:
    """Whether a run was saved in a folder."""
    return (folder / NAME).is_file()


def load_state(folder: Path) -> dict[str, Any] | None:
    """The last saved state, or None when there is none yet. Nothing but tensors and plain values is unpickled.

    Raises CheckpointError when the file is damaged, or no state of a run.
    """
    path = folder / NAME
    if not has_state(folder):
        return None
    with path.open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # of a file that is cut short, or no state at all: many kinds
            raise CheckpointError(f"{path}: the saved state is damaged. Remove it to begin the run anew.") from error
    if not isinstance(state, dict) or not state.keys() >= KEYS:
        raise CheckpointError(f"{path}: this file is no saved state of a run. Remove it, or choose another --out.")
    return state
