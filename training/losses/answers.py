"""Answer terms: what a frozen LLaVA says of a picture that the tuned tower encodes. Not in the Safe-CLIP paper.

Its terms bind the pooled embedding, and a distance between the states of patches counts a shade of colour as much as
what stands there. These terms ask the reader itself. Of an unsafe picture LLaVA is to say rather what it says of the
safe twin by the frozen tower than what it says of the picture by the frozen tower. That is a preference, as in DPO
(Rafailov et al., 2023) but without a reference model: the safe answer alone is no aim, for an unsafe thing has several
counterparts, and no picture of it tells which one was drawn. Of a safe picture it is to say what it says by the frozen
tower. All of it holds for that LLaVA and no other.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..bounds import POSITIVE, bounded
from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

AnswerWeights = term_weights(prefer_safe_answers=1.0, preserve_answers=1.0)


@dataclass(frozen=True)
class AnswerOptions:
    """Options of the answer terms."""

    llava: str = "zoo/llava"  # in transformers' layout: a path from the repository's root
    question: str = "Describe the picture."
    beta: float = bounded(0.5, POSITIVE)  # of the preference, per nat
    weights: AnswerWeights = AnswerWeights()


def answers(tuned: Embeddings, frozen: FrozenEmbeddings, options: AnswerOptions) -> dict[str, torch.Tensor]:
    """The two terms, unweighted, in nats an answer; `frozen` is not used."""
    return {
        "prefer_safe_answers": -F.logsigmoid(options.beta * tuned.preferences).mean(),
        "preserve_answers": -tuned.answer_likelihoods.mean(),
    }
