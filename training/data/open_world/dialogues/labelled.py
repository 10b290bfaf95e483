"""Patches of packed scenes with the words for what stands there, to align a projector with a language model's words."""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ..concepts.catalogue import Catalogue
from ..concepts.concept import Concept
from ..rendering.labels import IGNORED, patch_labels
from ..rendering.renderer import SceneRenderer
from ..scenes.scene import Entity
from .dialogues import OpenDialogues
from .patch_states import PatchStates
from .phrases import phrase

SMALL = frozenset({"a", "an", "the", "in", "on", "at", "under", "of", "by", "some"})  # words that name nothing


@dataclass
class LabelledBatch:
    """k patches, and the tokens of the words that name what each shows."""

    patches: torch.Tensor  # float16 (k, width)
    words: torch.Tensor  # int64 (k, most words), IGNORED after a name's last word

    def __len__(self) -> int:
        return len(self.patches)


class LabelledPatches:
    """Draws patches of the scenes whose states are kept, `each` of a scene."""

    def __init__(
        self,
        dialogues: OpenDialogues,
        states: PatchStates,
        renderer: SceneRenderer,
        tokenizer: PreTrainedTokenizerFast,
        each: int,
        seed: int,
    ):
        self._dialogues, self._states, self._renderer = dialogues, states, renderer
        self._each, self._seed = each, seed
        self._words = word_table(dialogues.world.catalogue, tokenizer)

    def make(self, number: int, size: int) -> LabelledBatch:
        """Patches of `size` scenes, a function of (seed, number)."""
        rng = np.random.default_rng((self._seed, number, 1))
        patches, labels = [], []
        places = rng.choice(len(self._states.rows), size, replace=False)
        for states, row in zip(self._states.batch(places), self._states.rows[places], strict=True):
            scene = self._dialogues.scene(int(row))
            shown = patch_labels(scene, self._renderer.placements(scene), round(len(states) ** 0.5))
            known = rng.permutation(np.flatnonzero(shown != IGNORED))[: self._each]
            patches.append(states[torch.from_numpy(known)])
            labels.append(torch.from_numpy(shown[known].astype(np.int64)))
        return LabelledBatch(torch.cat(patches), self._words[torch.cat(labels)])


def word_table(known: Catalogue, tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """The tokens of the words that name each concept, int64 (concepts, most words), IGNORED after the last word."""
    rows = [_tokens(concept, tokenizer) for concept in known.concepts]
    table = torch.full((len(rows), max(map(len, rows))), IGNORED)
    for number, row in enumerate(rows):
        table[number, : len(row)] = torch.tensor(row)
    return table


def _tokens(concept: Concept, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    said = concept.phrases[0] if concept.place else phrase(Entity(concept))
    words = [word for word in said.split() if word not in SMALL]
    text = "".join(f" {word}" for word in words)
    return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
