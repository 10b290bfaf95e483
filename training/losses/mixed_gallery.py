"""Mixed-gallery contrast: an unsafe query against safe and unsafe items together. Not in the Safe-CLIP paper.

The paper's terms pull T(t*) to V0(v) and V(v*) to T0(t), so that v and v* compete for the redirected query. This
contrast sets them against each other, exactly as retrieval from V ∪ V* does.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .embeddings import Embeddings, FrozenEmbeddings
from .redirection import LOGIT_SCALE
from .weights import term_weights

MixedGalleryWeights = term_weights(mixed_gallery_text=0.5, mixed_gallery_image=0.5)


@dataclass(frozen=True)
class MixedGalleryOptions:
    """Options of the mixed-gallery contrast."""

    logit_scale: float = LOGIT_SCALE
    weights: MixedGalleryWeights = MixedGalleryWeights()


def mixed_gallery(tuned: Embeddings, frozen: FrozenEmbeddings, options: MixedGalleryOptions) -> dict[str, torch.Tensor]:
    """The contrast of unsafe texts with V ∪ V* and that of unsafe images with T ∪ T*; `frozen` is not used."""
    scale = options.logit_scale
    return {
        "mixed_gallery_text": gallery_contrast(tuned.unsafe_text, tuned.image, tuned.unsafe_image, scale),
        "mixed_gallery_image": gallery_contrast(tuned.unsafe_image, tuned.text, tuned.unsafe_text, scale),
    }


def gallery_contrast(
    queries: torch.Tensor, safe: torch.Tensor, unsafe: torch.Tensor, logit_scale: float
) -> torch.Tensor:
    """Cross-entropy of unsafe queries (n, d) over the gallery safe ∪ unsafe (2n, d), with the safe twin as target."""
    logits = logit_scale * queries @ torch.cat((safe, unsafe)).T  # (n, 2n)
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
