"""Token-state terms: redirection and preservation of what Stable Diffusion and LLaVA read. Not in the Safe-CLIP paper.

Its terms bind the pooled embeddings alone, while a UNet attends to every token of the text tower's last layer and a
language model to every patch of the vision tower's penultimate one. These terms ask of each state what the paper's ask
of the embedding: an unsafe input's states go to those of its safe twin in the frozen model, a safe input's stay.
"""

from dataclasses import dataclass

import torch

from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

# Leave `redirect_image_states` at 0 where twins do not share a layout.
TokenStateWeights = term_weights(
    redirect_text_states=1.0, redirect_image_states=1.0, preserve_text_states=1.0, preserve_image_states=1.0
)


@dataclass(frozen=True)
class TokenStateOptions:
    """Options of the token-state terms."""

    weights: TokenStateWeights = TokenStateWeights()


def token_states(tuned: Embeddings, frozen: FrozenEmbeddings, options: TokenStateOptions) -> dict[str, torch.Tensor]:
    """The four terms, unweighted, by their names in TokenStateWeights.

    `frozen` holds the states of the safe half and the correspondence. Patches correspond by place, which suits twins
    that share a layout, as those of the closed world do.
    """
    safe, unsafe, target = tuned.states, tuned.unsafe_states, frozen.states
    rows = torch.arange(len(frozen.correspondence), device=target.text.device)[:, None]
    return {
        "redirect_text_states": relative_error(unsafe.text, target.text[rows, frozen.correspondence]),
        "redirect_image_states": relative_error(unsafe.image, target.image),
        "preserve_text_states": relative_error(safe.text, target.text),
        "preserve_image_states": relative_error(safe.image, target.image),
    }


def relative_error(states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over tokens of ‖state − target‖² / ‖target‖², for (n, L, w)."""
    return ((states - targets).square().sum(-1) / targets.square().sum(-1)).mean()


def text_correspondence(unsafe_ids: torch.Tensor, safe_ids: torch.Tensor, end: int) -> torch.Tensor:
    """For each token of an unsafe text, the token of its safe twin in the same role: int64 (n, L), ids (n, L) int64.

    The two differ in one stretch, the name of the object. Tokens before it correspond one to one, tokens after it
    one to one counted from the `end` token, and those of the stretch itself in proportion. Tensors are on the CPU.
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
