"""Dialogues as tensors: LLaVA-1.5's prompts, which tokens the assistant says, and which turn each token is of."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from ....models.llava import SHARED
from ....models.tokenizer import IMAGE
from ..rendering.labels import IGNORED
from .dialogues import Dialogue

PADDING = -1


@dataclass
class DialogueRows:
    """n dialogues padded on the right, each int64 (n, length)."""

    input_ids: torch.Tensor
    labels: torch.Tensor  # the assistant's tokens, its ends of text included; else IGNORED
    turns: torch.Tensor  # SHARED, turns from 1, or PADDING
    positions: torch.Tensor  # each turn counts on from the shared part, as if it were the only one


class DialogueTokens:
    """Turns a dialogue into the tokens that the processor's chat template makes of each of its turns alone."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, picture_tokens: int):
        self._tokenizer = tokenizer
        self._shared = [tokenizer.bos_token_id, *self._ids(f"USER: {IMAGE * picture_tokens}\n")]
        self.picture_at = self._shared.index(tokenizer.convert_tokens_to_ids(IMAGE))

    def prompt(self, question: str) -> list[int]:
        """Token ids of a dialogue's question, up to where the assistant begins to answer."""
        return [*self._shared, *self._asked(question)]

    def encode(self, dialogue: Dialogue) -> tuple[list[int], list[int], list[int], list[int]]:
        """Token ids, labels, turns and positions, all of the same length."""
        shared = len(self._shared)
        ids, labels, turns = [*self._shared], [IGNORED] * shared, [SHARED] * shared
        positions = list(range(shared))
        for number, turn in enumerate(dialogue.turns, SHARED + 1):
            asked, said = self._asked(turn.question), self._ids(f" {turn.answer}{self._tokenizer.eos_token}")
            length = len(asked) + len(said)
            ids += asked + said
            labels += [IGNORED] * len(asked) + said
            turns += [number] * length
            positions += range(shared, shared + length)
        return ids, labels, turns, positions

    def rows(self, dialogues: Sequence[Dialogue]) -> DialogueRows:
        """The dialogues, padded to the longest."""
        encoded = [self.encode(dialogue) for dialogue in dialogues]
        width = max(len(ids) for ids, *_ in encoded)
        fillers = (self._tokenizer.pad_token_id, IGNORED, PADDING, 0)
        columns = [torch.full((len(encoded), width), filler) for filler in fillers]
        for row, parts in enumerate(encoded):
            for column, part in zip(columns, parts, strict=True):
                column[row, : len(part)] = torch.tensor(part)
        return DialogueRows(*columns)

    def _asked(self, question: str) -> list[int]:
        return self._ids(f"{question} ASSISTANT:")

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
