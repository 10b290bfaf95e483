"""Batches of dialogues as tensors: pictures, LLaVA-1.5's prompts, and which tokens the assistant says."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from ...models.tokenizer import IMAGE
from ..pixels import stack_pictures
from .rendering.labels import IGNORED
from .rendering.renderer import SceneRenderer
from .world.dialogues import Dialogue, EmojiDialogues


@dataclass
class DialogueBatch:
    """n pictures with a dialogue each, padded on the right."""

    pixels: torch.Tensor  # uint8 (n, 3, side, side)
    input_ids: torch.Tensor  # int64 (n, length)
    attention_mask: torch.Tensor  # int64 (n, length)
    labels: torch.Tensor  # int64 (n, length): the assistant's tokens, its ends of text included; else IGNORED

    def __len__(self) -> int:
        return len(self.pixels)


class DialogueTokens:
    """Turns a dialogue into the tokens that the processor's chat template makes of it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, picture_tokens: int):
        self._tokenizer = tokenizer
        self._picture = IMAGE * picture_tokens + "\n"

    def encode(self, dialogue: Dialogue) -> tuple[list[int], list[int]]:
        """Token ids, and labels of the same length."""
        ids, labels = [self._tokenizer.bos_token_id], [IGNORED]
        for number, turn in enumerate(dialogue.turns):
            asked = self._asked(turn.question, first=number == 0)
            answered = self._ids(f" {turn.answer}{self._tokenizer.eos_token}")
            ids += asked + answered
            labels += [IGNORED] * len(asked) + answered
        return ids, labels

    def prompt(self, question: str) -> list[int]:
        """Token ids of a dialogue's first question, up to where the assistant begins to answer."""
        return [self._tokenizer.bos_token_id, *self._asked(question, first=True)]

    def _asked(self, question: str, first: bool) -> list[int]:
        return self._ids(f"USER: {self._picture if first else ''}{question} ASSISTANT:")

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids

    def pad(self, encoded: Sequence[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`input_ids`, `attention_mask` and `labels`, each int64 (n, length of the longest)."""
        width = max(len(ids) for ids, _ in encoded)
        input_ids = torch.full((len(encoded), width), self._tokenizer.pad_token_id)
        attention_mask = torch.zeros_like(input_ids)
        labels = torch.full_like(input_ids, IGNORED)
        for row, (ids, said) in enumerate(encoded):
            input_ids[row, : len(ids)] = torch.tensor(ids)
            attention_mask[row, : len(ids)] = 1
            labels[row, : len(ids)] = torch.tensor(said)
        return input_ids, attention_mask, labels


class DialogueBatches:
    """Batches of a split's dialogues, each a function of (seed, numbers of its dialogues)."""

    def __init__(self, dialogues: EmojiDialogues, painter: SceneRenderer, tokens: DialogueTokens):
        self._dialogues = dialogues
        self._painter = painter
        self._tokens = tokens

    def make(self, first: int, count: int) -> DialogueBatch:
        """The dialogues first … first + count − 1."""
        dialogues = [self._dialogues.dialogue(index) for index in range(first, first + count)]
        pixels = stack_pictures([self._painter.paint(dialogue.scene) for dialogue in dialogues])
        return DialogueBatch(pixels, *self._tokens.pad([self._tokens.encode(dialogue) for dialogue in dialogues]))
