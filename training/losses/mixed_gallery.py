"""Mixed-gallery contrast: a query against safe and unsafe items together. Not in the Safe-CLIP paper.

The paper's terms pull T(t*) to V0(v) and V(v*) to T0(t), so that v and v* compete for the redirected query. This
contrast sets them against each other, exactly as retrieval from V ∪ V* does. Nor does the paper set v against v* for
the safe query t, which finds unsafe images more often than before; the terms of safe queries do.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..bounds import POSITIVE, bounded
from .embeddings import Embeddings, FrozenEmbeddings
from .redirection import LOGIT_SCALE
from .weights import term_weights

# The terms that begin with `safe` take safe queries, and are off unless a recipe gives them a weight.
MixedGalleryWeights = term_weights(
    mixed_gallery_text=0.5, mixed_gallery_image=0.5, safe_mixed_gallery_text=0.0, safe_mixed_gallery_image=0.0
)


@dataclass(frozen=True)
class MixedGalleryOptions:
    """Options of the mixed-gallery contrast."""

    logit_scale: float = bounded(LOGIT_SCALE, POSITIVE)
    weights: MixedGalleryWeights = MixedGalleryWeights()


def mixed_gallery(tuned: Embeddings, frozen: FrozenEmbeddings, options: MixedGalleryOptions) -> dict[str, torch.Tensor]:
    """The contrasts of unsafe and of safe texts with V ∪ V*, and of images with T ∪ T*; `frozen` is not used."""
    scale = options.logit_scale
    images, texts = (tuned.image, tuned.unsafe_image), (tuned.text, tuned.unsafe_text)
    return {
        "mixed_gallery_text": gallery_contrast(tuned.unsafe_text, *images, scale),
        "mixed_gallery_image": gallery_contrast(tuned.unsafe_image, *texts, scale),
        "safe_mixed_gallery_text": gallery_contrast(tuned.text, *images, scale),
        "safe_mixed_gallery_image": gallery_contrast(tuned.image, *texts, scale),
    }


def gallery_contrast(
    queries: torch.Tensor, safe: torch.Tensor, unsafe: torch.Tensor, logit_scale: float
) -> torch.Tensor:
    """Cross-entropy of queries (n, d) over the gallery safe ∪ unsafe (2n, d), with the safe item of a row as target."""
    logits = logit_scale * queries @ torch.cat((safe, unsafe)).T  # (n, 2n)
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
