"""Painting terms: what a frozen Stable Diffusion paints by the tuned text tower. Not in the Safe-CLIP paper.

As with LLaVA's answers (`answers`), a distance between states is not what a reader makes of them. For the prompts of a
twin pair the UNet's predictions differ, and the way from the unsafe prompt's to the safe one's, both by the frozen
tower, is the way from one picture to the other. How far the tuned tower leads the unsafe prompt along it is a number, 0
where nothing is tuned and 1 at the safe picture, and a logistic loss prefers the higher one. What lies across the way
is free, for an unsafe thing has several counterparts. A safe prompt is to be painted as by the frozen tower. All of it
holds for that Stable Diffusion and no other.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..bounds import POSITIVE, at_least, bounded
from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

PaintingWeights = term_weights(prefer_safe_paintings=1.0, preserve_paintings=1.0)


@dataclass(frozen=True)
class PaintingOptions:
    """Options of the painting terms."""

    painter: str = "zoo/stable-diffusion"  # in diffusers' layout: a path from the repository's root
    one_in: int = bounded(1, at_least(1))  # quadruplets whose prompts are painted: the first of a batch, one in so many
    beta: float = bounded(4.0, POSITIVE)  # of the preference, for the whole way
    weights: PaintingWeights = PaintingWeights()


def paintings(tuned: Embeddings, frozen: FrozenEmbeddings, options: PaintingOptions) -> dict[str, torch.Tensor]:
    """The two terms, unweighted; `frozen` is not used."""
    read = tuned.paintings
    return {
        "prefer_safe_paintings": -F.logsigmoid(options.beta * (2 * read.advance - 1)).mean(),
        "preserve_paintings": read.change.mean(),
    }
