"""Painting terms: what a frozen UNet makes of a prompt that the tuned text tower encodes. Not in the Safe-CLIP paper.

The UNet attends to the state of every token, and the terms of the paper bind the pooled embedding alone. This one asks
that the unsafe prompt lead the UNet, somewhere in the painting of the safe picture, where the safe one leads it by the
frozen encoder. Concept erasure (Gandikota et al., ICCV 2023) trains the UNet for that; here it stays as it is.
"""

from dataclasses import dataclass

import torch

from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

PaintingWeights = term_weights(redirect_paintings=1.0)


@dataclass(frozen=True)
class PaintingOptions:
    """Options of the painting terms."""

    stable_diffusion: str = "zoo/stable-diffusion"  # in diffusers' layout: a path from the repository's root
    every: int = 1  # 2: of every second quadruplet of a batch, for time
    weights: PaintingWeights = PaintingWeights()


def paintings(tuned: Embeddings, frozen: FrozenEmbeddings, options: PaintingOptions) -> dict[str, torch.Tensor]:
    """The term, unweighted: mean squared difference of predictions; `frozen` and `options` are not used."""
    return {"redirect_paintings": tuned.unsafe_paintings.mean()}
