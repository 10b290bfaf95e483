"""Token states: what Stable Diffusion reads of the text tower, and LLaVA of the vision tower.

Not in the paper. Its terms bind the pooled embeddings alone, while a UNet attends to every token of the text tower's
last layer and a language model to every patch of the vision tower's penultimate one. These terms ask of each state
what the paper's ask of the embedding: an unsafe input's states go where the frozen model has its safe twin's, a safe
input's stay where they are.
"""

from dataclasses import dataclass

import torch


@dataclass
class TokenStates:
    """States of n texts (n, L, w) and of n pictures' patches (n, p, w'), float."""

    text: torch.Tensor
    image: torch.Tensor

    def chunk(self) -> "tuple[TokenStates, TokenStates]":
        """The safe half and the unsafe half of 2n rows."""
        safe, unsafe = zip(self.text.chunk(2), self.image.chunk(2), strict=True)
        return TokenStates(*safe), TokenStates(*unsafe)


def text_correspondence(unsafe_ids: torch.Tensor, safe_ids: torch.Tensor, end: int) -> torch.Tensor:
    """Which token of the safe text each token of its unsafe twin stands for: int64 (n, L), given ids (n, L) int64.

    The two differ in one stretch, the name of the object. What precedes it corresponds one to one, what follows it
    one to one counted from the `end` token, and the stretch itself in proportion.
    """
    return torch.stack([_correspondence(a, b, end) for a, b in zip(unsafe_ids, safe_ids, strict=True)])


def _correspondence(unsafe: torch.Tensor, safe: torch.Tensor, end: int) -> torch.Tensor:
    longest = len(unsafe)
    unsafe_length, safe_length = (int((ids == end).nonzero()[0]) + 1 for ids in (unsafe, safe))
    shorter = min(unsafe_length, safe_length)
    prefix = _agreement(unsafe[:shorter], safe[:shorter])
    suffix = _agreement(unsafe[:unsafe_length].flip(0)[: shorter - prefix], safe[:safe_length].flip(0))
    middle, safe_middle = (length - prefix - suffix for length in (unsafe_length, safe_length))
    result = torch.arange(longest)
    stretch = (torch.arange(middle) * safe_middle).div(max(middle, 1), rounding_mode="floor")
    result[prefix : prefix + middle] = prefix + stretch
    result[prefix + middle :] += safe_length - unsafe_length
    return result.clamp_(max=longest - 1)


def _agreement(a: torch.Tensor, b: torch.Tensor) -> int:
    """How many leading elements are equal."""
    equal = a == b[: len(a)]
    return int(equal.cumprod(0).sum())


def relative_error(states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over tokens of ‖state − target‖² / ‖target‖², for (n, L, w)."""
    return ((states - targets).square().sum(-1) / targets.square().sum(-1)).mean()


def state_terms(tuned: TokenStates, frozen: TokenStates, correspondence: torch.Tensor) -> dict[str, torch.Tensor]:
    """The four terms, unweighted, by their names in TermWeights.

    `tuned` holds 2n rows, safe before unsafe; `frozen` the safe n. Patches correspond by place, which suits twins that
    share a layout, as ViSU-Emoji's do; leave `redirect_image_states` at 0 where they do not.
    """
    safe, unsafe = tuned.chunk()
    rows = torch.arange(len(correspondence))[:, None]
    return {
        "redirect_text_states": relative_error(unsafe.text, frozen.text[rows, correspondence]),
        "redirect_image_states": relative_error(unsafe.image, frozen.image),
        "preserve_text_states": relative_error(safe.text, frozen.text),
        "preserve_image_states": relative_error(safe.image, frozen.image),
    }
