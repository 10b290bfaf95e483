"""What a frozen vision tower makes of packed scenes, worked out once and kept on disk, so that training reads it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from safeclip.hashing import content_id
from safeclip.runtime.atomic_files import replacing

from ..packed import PackedScenes

AT_ONCE = 128  # pictures

Encode = Callable[[torch.Tensor], torch.Tensor]  # uint8 (n, 3, side, side) → (n, patches, width)


class PatchStates:
    """States of the patches of some rows of packed scenes: float16 (rows, patches, width), read by position."""

    def __init__(self, rows: np.ndarray, states: np.ndarray):
        self.rows = rows
        self.states = states

    @classmethod
    def open(cls, folder: Path, packed: PackedScenes, rows: np.ndarray, tower: str, encode: Encode) -> "PatchStates":
        """Those kept in `folder`; worked out and kept when they are missing. `tower` names what `encode` computes."""
        path = Path(folder) / f"patches-{content_id(f'{packed.spec.fingerprint} {tower} {rows.tobytes()!r}')}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                _write(partial, packed, rows, encode)
        return cls(rows, np.load(path, mmap_mode="r"))

    def batch(self, places: np.ndarray) -> torch.Tensor:
        """The states at some positions: float16 (n, patches, width)."""
        return torch.from_numpy(np.ascontiguousarray(self.states[places]))


def _write(path: Path, packed: PackedScenes, rows: np.ndarray, encode: Encode) -> None:
    states = None
    for first in range(0, len(rows), AT_ONCE):
        found = encode(packed.batch(rows[first : first + AT_ONCE])).to(torch.float16).cpu().numpy()
        if states is None:
            states = np.lib.format.open_memmap(path, "w+", np.float16, (len(rows), *found.shape[1:]))
        states[first : first + len(found)] = found
    if states is not None:
        states.flush()
