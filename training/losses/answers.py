"""Answer terms: what a frozen LLaVA says of a picture that the tuned tower encodes. Not in the Safe-CLIP paper.

Its terms bind the pooled embedding, and a distance between the states of patches counts a shade of colour as much as
what stands there. These terms ask the reader itself: of an unsafe picture LLaVA is to say what it says of the safe twin
by the frozen tower, and of a safe picture what it says by the frozen tower. They hold for that LLaVA and no other.
"""

from dataclasses import dataclass

import torch

from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

AnswerWeights = term_weights(redirect_answers=1.0, preserve_answers=1.0)


@dataclass(frozen=True)
class AnswerOptions:
    """Options of the answer terms."""

    llava: str = "zoo/llava"  # in transformers' layout: a path from the repository's root
    question: str = "Describe the picture."
    weights: AnswerWeights = AnswerWeights()


def answers(tuned: Embeddings, frozen: FrozenEmbeddings, options: AnswerOptions) -> dict[str, torch.Tensor]:
    """The two terms, unweighted: mean cross-entropies of the answers' tokens; `frozen` and `options` are not used."""
    return {"redirect_answers": tuned.unsafe_answers.mean(), "preserve_answers": tuned.answers.mean()}
