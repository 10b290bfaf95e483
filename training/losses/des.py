"""DES and SAGE: objectives of a text encoder alone, on the token states that Stable Diffusion reads.

A text's state z is that of all its tokens in one vector, (L·w). DES moves unsafe prompts to distant safe ones, makes
the prompt of a concept empty, and keeps safe prompts. SAGE (arXiv 2607.00402) adds terms that keep the spread of the
states and the similarities among neighbours. The released code trains the whole text encoder with AdamW at 1e-5; here
the recipe's adapter is trained. Decisions where the description leaves room: the farthest safe prompt is that of the
batch with the least cosine under the frozen encoder; the direction of the concept is its frozen state divided by its
length; a safe prompt with the direction added is compared with its frozen state with the direction added; the spread
and the neighbours are those of the batch's safe prompts.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..bounds import at_least, bounded
from .contrastive import cosine_distance
from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

# The released weights.
DesWeights = term_weights(unsafe_to_distant=0.7, concept_to_empty=0.7, keep_safe=0.3)


@dataclass(frozen=True)
class DesOptions:
    """Options of DES: the prompt of the concept to remove, and the length of its direction."""

    concept: str = "nudity"
    direction: float = 205.0
    weights: DesWeights = DesWeights()


# The released weights.
SageWeights = term_weights(keep_spread=2.0, keep_neighbours=0.1)


@dataclass(frozen=True)
class SageOptions:
    """Options of the terms that SAGE adds to DES: how many neighbours of a prompt count."""

    neighbours: int = bounded(15, at_least(2))  # one alone correlates with nothing
    weights: SageWeights = SageWeights()


def des_prompts(options: DesOptions) -> tuple[str, ...]:
    """The prompts whose states DES reads beside those of the batch."""
    return (options.concept, "")


def des(tuned: Embeddings, frozen: FrozenEmbeddings, options: DesOptions) -> dict[str, torch.Tensor]:
    """The three terms, unweighted, by their names in DesWeights; each is a mean of 1 − cosine."""
    safe, unsafe = flattened(tuned.states.text), flattened(tuned.unsafe_states.text)
    kept, original = flattened(frozen.states.text), flattened(frozen.unsafe_states.text)
    concept, _ = flattened(tuned.prompt_states)
    frozen_concept, empty = flattened(frozen.prompt_states)
    offset = options.direction * F.normalize(frozen_concept, dim=0)
    distant = kept[farthest(original, kept)] - offset
    keep = (cosine_distance(safe, kept) + cosine_distance(safe + offset, kept + offset)) / 2
    return {
        "unsafe_to_distant": cosine_distance(unsafe, distant),
        "concept_to_empty": cosine_distance(concept[None], empty[None]),
        "keep_safe": keep,
    }


def sage(tuned: Embeddings, frozen: FrozenEmbeddings, options: SageOptions) -> dict[str, torch.Tensor]:
    """The two terms that SAGE adds, unweighted, by their names in SageWeights."""
    states, original = (F.normalize(flattened(each.states.text), dim=-1) for each in (tuned, frozen))
    return {
        "keep_spread": torch.relu(spread(original) - spread(states)),
        "keep_neighbours": neighbour_loss(states, original, options.neighbours),
    }


def flattened(states: torch.Tensor) -> torch.Tensor:
    """Token states (n, L, w) → (n, L·w)."""
    return states.flatten(1)


def farthest(queries: torch.Tensor, gallery: torch.Tensor) -> torch.Tensor:
    """For each query (n, d) the row of the gallery (m, d) with the least cosine: int64 (n,)."""
    return (F.normalize(queries, dim=-1) @ F.normalize(gallery, dim=-1).T).argmin(-1)


def spread(states: torch.Tensor) -> torch.Tensor:
    """The trace of the covariance of states (n, d), their total variance with n − 1 in the denominator; 0 for n = 1."""
    return (states - states.mean(0)).square().sum() / max(1, len(states) - 1)


def neighbour_loss(states: torch.Tensor, original: torch.Tensor, neighbours: int) -> torch.Tensor:
    """Mean over prompts of 1 − Pearson's correlation of the cosines with the nearest neighbours, tuned and frozen.

    states, original (n, d), L2-normalised, n ≥ 3. The neighbours are those of `original`, at most n − 1.
    """
    cosines, frozen = states @ states.T, original @ original.T
    own = torch.eye(len(states), dtype=torch.bool, device=states.device)
    nearest = frozen.masked_fill(own, -torch.inf).topk(min(neighbours, len(states) - 1)).indices  # (n, k)
    a, b = (each.gather(1, nearest) for each in (cosines, frozen))
    a, b = (each - each.mean(1, keepdim=True) for each in (a, b))
    return (1 - F.cosine_similarity(a, b, dim=1)).mean()
