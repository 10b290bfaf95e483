"""Vision tower of CLIP on some of an image's patches only: FLIP (Li et al., CVPR 2023) trains so in half the time."""

import torch
from transformers import CLIPModel


def draw_patches(patches: int, share: float) -> torch.Tensor | None:
    """Sorted numbers of a random share of the patches, int64 (k,); None for all of them."""
    if share >= 1:
        return None
    return torch.randperm(patches)[: max(1, round(share * patches))].sort().values


def vision_states(
    model: CLIPModel, pixels: torch.Tensor, kept: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """States of the patches (n, k, width) and the pooled state (n, width), as CLIP's vision tower has them.

    pixels float (n, 3, side, side), normalised; `kept` int64 (k,) are the patches that the tower sees, None all.
    """
    tower = model.vision_model
    states = tower.embeddings(pixels)  # (n, 1 + patches, width), the class token first
    if kept is not None:
        states = torch.cat((states[:, :1], states[:, 1:][:, kept]), dim=1)
    states = tower.encoder(inputs_embeds=tower.pre_layrnorm(states)).last_hidden_state
    return states[:, 1:], tower.post_layernorm(states[:, 0])
