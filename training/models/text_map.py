"""A linear map from one text encoder's token states to another's, folded into a UNet that was trained with the other.

A UNet reads a text encoder in nothing but the keys and values of its cross-attention, which are linear. With the map
folded into them it goes on painting what it knows when its text encoder is exchanged, and needs a short training where
a new one from there would be a long one.
"""

from collections.abc import Sequence

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from .unet import text_states, tokenise

AT_ONCE = 256  # texts
RIDGE = 1.0  # on the sum over tokens


def aligned_states(
    old: tuple[CLIPTextModel, CLIPTokenizer], new: tuple[CLIPTextModel, CLIPTokenizer], texts: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """States of the new and of the old encoder that stand for the same: float (n, width) each.

    They are those of the last token of every word, of both ends of a text, and of the first padding after it. Texts
    that do not fit into either are left out. Words are what spaces part.
    """
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for first in range(0, len(texts), AT_ONCE):
        part = list(texts[first : first + AT_ONCE])
        (old_states, old_at), (new_states, new_at) = (_states(*each, part) for each in (old, new))
        for i, (there, here) in enumerate(zip(old_at, new_at, strict=True)):
            if max(there) < old_states.shape[1] and max(here) < new_states.shape[1]:
                pairs.append((new_states[i, here], old_states[i, there]))
    return torch.cat([here for here, _ in pairs]), torch.cat([there for _, there in pairs])


def _states(encoder: CLIPTextModel, tokenizer: CLIPTokenizer, texts: list[str]) -> tuple[torch.Tensor, list[list[int]]]:
    """The states of n texts, and of each the places of what can be aligned."""
    places = []
    for text in texts:
        lengths = [len(tokenizer(word, add_special_tokens=False).input_ids) for word in text.split()]
        ends = torch.tensor([0, *lengths]).cumsum(0).tolist()  # of the start token, and of every word
        places.append([*ends, ends[-1] + 1, ends[-1] + 2])
    return text_states(encoder, tokenise(tokenizer, texts)).float(), places


def linear_map(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """The matrix (width, old width) that takes new states (n, width) nearest to the old ones, by ridge regression."""
    penalty = RIDGE * torch.eye(new.shape[1])
    return torch.linalg.solve(new.T @ new + penalty, new.T @ old)


@torch.no_grad()
def fold_text_map(unet: UNet2DConditionModel, matrix: torch.Tensor) -> None:
    """Has the cross-attention of a UNet read states through a matrix (width, old width), in place."""
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            for layer in (module.to_k, module.to_v):
                layer.weight = torch.nn.Parameter(layer.weight @ matrix.T)
