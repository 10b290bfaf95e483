"""Safe-CLIP's training objective: the eight terms of the paper, by name.

Notation of the paper (Poppi et al., ECCV 2024, section 3.2): T, V are the towers being tuned, T0, V0 the frozen ones;
t, t* are safe and unsafe texts, v, v* safe and unsafe images. Row i of each belongs to quadruplet i.
"""

from dataclasses import dataclass

import torch

from ..bounds import POSITIVE, bounded
from .contrastive import contrastive_loss, cosine_distance
from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

LOGIT_SCALE = 100.0  # fixed, as in the released code: the learnt scale of ViT-L/14


# The paper's weights, before they are normalised to sum to 1.
RedirectionWeights = term_weights(
    redirect_text_to_image=0.25,
    redirect_image_to_text=0.5,
    redirect_text_to_text=0.1,
    redirect_image_to_image=0.2,
    preserve_text_to_text=0.1,
    preserve_image_to_image=0.1,
    preserve_text_to_image=0.25,
    preserve_image_to_text=0.25,
)


@dataclass(frozen=True)
class RedirectionOptions:
    """Options of Safe-CLIP's objective: the logit scale of its contrastive terms, and the weights of all."""

    logit_scale: float = bounded(LOGIT_SCALE, POSITIVE)
    weights: RedirectionWeights = RedirectionWeights()


def redirection(tuned: Embeddings, frozen: FrozenEmbeddings, options: RedirectionOptions) -> dict[str, torch.Tensor]:
    """The eight terms, unweighted, by their names in RedirectionWeights.

    The released loop divides the weighted sum by 8 once more; Adam's step does not depend on the scale of the loss, so
    that is left out.
    """
    scale = options.logit_scale
    return {
        "redirect_text_to_image": contrastive_loss(tuned.unsafe_text, frozen.image, scale),
        "redirect_image_to_text": contrastive_loss(tuned.unsafe_image, frozen.text, scale),
        "redirect_text_to_text": cosine_distance(tuned.unsafe_text, frozen.text),
        "redirect_image_to_image": cosine_distance(tuned.unsafe_image, frozen.image),
        **preservation(tuned, frozen, scale),
    }


def preservation(tuned: Embeddings, frozen: FrozenEmbeddings, logit_scale: float) -> dict[str, torch.Tensor]:
    """The four terms that hold the safe half in place."""
    return {
        "preserve_text_to_text": cosine_distance(tuned.text, frozen.text),
        "preserve_image_to_image": cosine_distance(tuned.image, frozen.image),
        "preserve_text_to_image": contrastive_loss(tuned.text, frozen.image, logit_scale),
        "preserve_image_to_text": contrastive_loss(tuned.image, frozen.text, logit_scale),
    }
