"""SafeR-CLIP's objective: each unsafe item is redirected to its nearest safe item, against its unsafe twin alone.

Yousaf et al., AAAI 2026, arXiv 2511.16743. No code is released. Decisions where the paper leaves room: the nearest
safe item is searched in the whole data set, under the frozen encoder. Target and unsafe twin are the frozen model's
embeddings, as all targets of Safe-CLIP are. A pair is easy when the cosine of the frozen unsafe embedding with its
target is high; the easiest share of a batch takes part, which grows linearly over the run. Preservation is Safe-CLIP's.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..bounds import POSITIVE, SHARE, bounded
from .embeddings import Embeddings, FrozenEmbeddings
from .redirection import LOGIT_SCALE, preservation
from .weights import term_weights

# The paper's weights are not known here: redirection and preservation weigh the same.
SaferClipWeights = term_weights(
    relative_redirect_text=1.0,
    relative_redirect_image=1.0,
    preserve_text_to_text=0.5,
    preserve_image_to_image=0.5,
    preserve_text_to_image=0.5,
    preserve_image_to_text=0.5,
)


@dataclass(frozen=True)
class SaferClipOptions:
    """Options of SafeR-CLIP's objective.

    `easiest` is the share of pairs that the run begins with; all take part from the share `all_from` of its steps on.
    """

    logit_scale: float = bounded(LOGIT_SCALE, POSITIVE)
    easiest: float = bounded(0.5, SHARE)
    all_from: float = bounded(0.5, SHARE)
    weights: SaferClipWeights = SaferClipWeights()


def safer_clip(tuned: Embeddings, frozen: FrozenEmbeddings, options: SaferClipOptions) -> dict[str, torch.Tensor]:
    """The six terms, unweighted, by their names in SaferClipWeights."""
    scale = options.logit_scale
    share = curriculum_share(frozen.progress, options)
    return {
        "relative_redirect_text": relative_redirection(
            tuned.unsafe_text,
            frozen.nearest_image,
            frozen.unsafe_image,
            scale,
            easiest(frozen.unsafe_text, frozen.nearest_image, share),
        ),
        "relative_redirect_image": relative_redirection(
            tuned.unsafe_image,
            frozen.nearest_text,
            frozen.unsafe_text,
            scale,
            easiest(frozen.unsafe_image, frozen.nearest_text, share),
        ),
        **preservation(tuned, frozen, scale),
    }


def curriculum_share(progress: float, options: SaferClipOptions) -> float:
    """The share of pairs that take part at a progress in [0, 1]: linear from `easiest` at 0 to 1 at `all_from`."""
    if progress >= options.all_from:
        return 1.0
    return options.easiest + (1 - options.easiest) * progress / options.all_from


def easiest(queries: torch.Tensor, targets: torch.Tensor, share: float) -> torch.Tensor:
    """Marks the share of rows (at least one) whose cosine of query and target, both (n, d), is highest: bool (n,)."""
    nearness = (queries * targets).sum(-1)
    count = max(1, round(share * len(nearness)))
    marked = torch.zeros_like(nearness, dtype=torch.bool)
    return marked.index_fill(0, nearness.topk(count).indices, True)


def relative_redirection(
    queries: torch.Tensor, targets: torch.Tensor, twins: torch.Tensor, logit_scale: float, rows: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the target against the unsafe twin alone, averaged over the marked rows.

    queries, targets, twins (n, d), L2-normalised; rows bool (n,).
    """
    advantage = logit_scale * (queries * (targets - twins)).sum(-1)  # of the target's logit over the twin's
    losses = F.softplus(-advantage)
    return (losses * rows).sum() / rows.sum()
