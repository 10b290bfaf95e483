"""Batches of dialogues about packed scenes, half of them unsafe, with what a frozen vision tower makes of each."""

from dataclasses import dataclass

import numpy as np
import torch

from .dangers import unsafe
from .dialogues import OpenDialogues
from .patch_states import PatchStates
from .tokens import DialogueRows, DialogueTokens


@dataclass
class DialogueBatch:
    """n pictures with a dialogue each."""

    patches: torch.Tensor  # float16 (n, patches, width): states of the vision tower
    rows: DialogueRows

    def __len__(self) -> int:
        return len(self.patches)


class DialogueBatches:
    """Numbered batches: each epoch shuffles the scenes anew and asks other questions about them."""

    def __init__(self, dialogues: OpenDialogues, states: PatchStates, tokens: DialogueTokens, seed: int):
        self._dialogues = dialogues
        self.states = states
        self._tokens = tokens
        self._seed = seed

    def make(self, number: int, size: int) -> DialogueBatch:
        """The batch of a number, counted over all epochs; an epoch drops what fills no batch."""
        per_epoch = len(self.states.rows) // size
        if not per_epoch:
            raise ValueError(f"{len(self.states.rows)} scenes do not fill one batch of {size}")
        epoch, position = divmod(number, per_epoch)
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self.states.rows))
        return self.at(order[position * size : (position + 1) * size], epoch)

    def at(self, places: np.ndarray, draw: int = 0) -> DialogueBatch:
        """Scenes by their positions among the states, with the questions of one draw."""
        rows = self.states.rows[places]
        dialogues = [self._dialogues.dialogue(int(row), draw) for row in rows]
        return DialogueBatch(self.states.batch(places), self._tokens.rows(dialogues))


def half_unsafe(dialogues: OpenDialogues, count: int) -> np.ndarray:
    """The first rows of the packed scenes, in their order, of which `count` // 2 are unsafe and as many safe."""
    kept: dict[bool, list[int]] = {True: [], False: []}
    row = 0
    while min(map(len, kept.values())) < count // 2:
        side = kept[unsafe(dialogues.scene(row))]
        side += [row] * (len(side) < count // 2)
        row += 1
    return np.sort(np.concatenate([*kept.values()]).astype(np.int64))
