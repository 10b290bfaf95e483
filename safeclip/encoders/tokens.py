"""Turns texts into padded rows of token ids, and tells of texts that are too long."""

import threading
from collections.abc import Sequence

import torch
from transformers import CLIPTokenizer

from ..options import encodable

Tokens = dict[str, torch.Tensor]

# Longer texts are cut before they are tokenised, which takes time. Spaces in a row do not count, as tokenizers read
# them as one: what is left has more tokens than the 77 of CLIP, and the 248 of one for long texts.
_MAX_CHARACTERS = 10_000
# A fast tokenizer may rewrite its padding settings when it is called, which fails while another thread is inside it.
_tokenizing = threading.Lock()


def tokenize(tokenizer: CLIPTokenizer, texts: Sequence[str], max_length: int, *, padded: bool = False) -> Tokens:
    """Tokenises n texts into `input_ids` and `attention_mask` (n, L) int64 and `length` (n,) int64.

    `length` counts a text's tokens before the cut to `max_length`, its two end markers included; of a text of more than
    10,000 characters, those of its beginning. L is the largest `length`, but at most `max_length`: a longer text keeps
    its beginning and its end marker. With `padded` L is `max_length`, and the mask has the padding too. Safe to call
    from several threads.
    """
    texts = [encodable(_beginning(text)) for text in texts]
    with _tokenizing:
        rows = tokenizer(texts, verbose=False)["input_ids"] if texts else []
    lengths = [len(row) for row in rows]
    width = max_length if padded else min(max(lengths, default=0), max_length)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        kept = row if len(row) <= width else row[: width - 1] + row[-1:]
        ids[i, : len(kept)] = torch.tensor(kept)
        mask[i, : width if padded else len(kept)] = 1
    return {"input_ids": ids, "attention_mask": mask, "length": torch.tensor(lengths, dtype=torch.int64)}


def _beginning(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else " ".join(text.split())[:_MAX_CHARACTERS]


def cut_note(kept: str, max_length: int) -> str:
    """Tells a user that only `kept` was read of a text, as the model reads no more than `max_length` tokens."""
    return (
        f"The text is longer than the {max_length} tokens that the model reads: "
        f"what follows “…{kept[-30:].strip('� ')}” was left out."
    )
