"""Inputs of an objective: what one model computes of a batch of quadruplets."""

from dataclasses import dataclass

import torch


@dataclass
class TokenStates:
    """Hidden states of n texts (n, L, w) and of the patches of n images (n, p, w'), float.

    The text states are those that Stable Diffusion reads, the image states those that LLaVA reads.
    """

    text: torch.Tensor
    image: torch.Tensor


@dataclass
class Embeddings:
    """One model's embeddings of n quadruplets: each (n, d) float, L2-normalised.

    `states` and `unsafe_states` are those of the safe and of the unsafe half, where the objective asks for them. In
    the frozen model's embeddings the unsafe half may be absent, and `correspondence` int64 (n, L) tells for each
    token of an unsafe text which token of its safe twin takes its place.
    """

    text: torch.Tensor
    unsafe_text: torch.Tensor | None
    image: torch.Tensor
    unsafe_image: torch.Tensor | None
    states: TokenStates | None = None
    unsafe_states: TokenStates | None = None
    correspondence: torch.Tensor | None = None
