"""Safe-CLIP's training objective: the eight terms of the paper by name, and the mixed-gallery contrast beside them.

Notation of the paper (Poppi et al., ECCV 2024, section 3.2): T, V are the towers being tuned, T0, V0 the frozen ones;
t, t* are safe and unsafe texts, v, v* safe and unsafe images. Row i of each belongs to quadruplet i.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F

LOGIT_SCALE = 100.0  # fixed, as in the released code: the learnt scale of ViT-L/14


@dataclass
class Embeddings:
    """One model's embeddings of n quadruplets: each (n, d) float, L2-normalised."""

    text: torch.Tensor
    unsafe_text: torch.Tensor
    image: torch.Tensor
    unsafe_image: torch.Tensor


@dataclass(frozen=True)
class TermWeights:
    """Raw weight of each term; they are normalised to sum to 1. The defaults are the paper's, and none of ours."""

    redirect_text_to_image: float = 0.25
    redirect_image_to_text: float = 0.5
    redirect_text_to_text: float = 0.1
    redirect_image_to_image: float = 0.2
    preserve_text_to_text: float = 0.1
    preserve_image_to_image: float = 0.1
    preserve_text_to_image: float = 0.25
    preserve_image_to_text: float = 0.25
    mixed_gallery_text: float = 0.0
    mixed_gallery_image: float = 0.0
    redirect_text_states: float = 0.0
    redirect_image_states: float = 0.0
    preserve_text_states: float = 0.0
    preserve_image_states: float = 0.0

    @property
    def read_states(self) -> bool:
        """Whether a term of `training.losses.token_states` takes part."""
        return any(weight for name, weight in asdict(self).items() if name.endswith("_states"))


def nce(queries: torch.Tensor, targets: torch.Tensor, logit_scale: float = LOGIT_SCALE) -> torch.Tensor:
    """Symmetric InfoNCE at a fixed logit scale: row i of `queries` (n, d) belongs to row i of `targets` (n, d)."""
    logits = logit_scale * queries @ targets.T  # (n, n)
    pairs = torch.arange(len(queries), device=queries.device)
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def cosine_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean of 1 − cos over rows of (n, d)."""
    return (1 - F.cosine_similarity(a, b, dim=-1)).mean()


def mixed_gallery(
    queries: torch.Tensor, safe: torch.Tensor, unsafe: torch.Tensor, logit_scale: float = LOGIT_SCALE
) -> torch.Tensor:
    """Cross-entropy of unsafe queries (n, d) over the gallery safe ∪ unsafe (2n, d), with the safe twin as the answer.

    Not in the paper. Its terms pull T(t*) to V0(v) and V(v*) to T0(t), so that v and v* compete for the redirected
    query; this one sets them against each other, exactly as retrieval from V ∪ V* does.
    """
    logits = logit_scale * queries @ torch.cat((safe, unsafe)).T  # (n, 2n)
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))


def objective_terms(tuned: Embeddings, frozen: Embeddings, logit_scale: float = LOGIT_SCALE) -> dict[str, torch.Tensor]:
    """Every term on pooled embeddings, unweighted, by its name in TermWeights.

    `frozen` holds T0(t), V0(v): its unsafe half is not used.
    """
    return {
        "redirect_text_to_image": nce(tuned.unsafe_text, frozen.image, logit_scale),
        "redirect_image_to_text": nce(tuned.unsafe_image, frozen.text, logit_scale),
        "redirect_text_to_text": cosine_distance(tuned.unsafe_text, frozen.text),
        "redirect_image_to_image": cosine_distance(tuned.unsafe_image, frozen.image),
        "preserve_text_to_text": cosine_distance(tuned.text, frozen.text),
        "preserve_image_to_image": cosine_distance(tuned.image, frozen.image),
        "preserve_text_to_image": nce(tuned.text, frozen.image, logit_scale),
        "preserve_image_to_text": nce(tuned.image, frozen.text, logit_scale),
        "mixed_gallery_text": mixed_gallery(tuned.unsafe_text, tuned.image, tuned.unsafe_image, logit_scale),
        "mixed_gallery_image": mixed_gallery(tuned.unsafe_image, tuned.text, tuned.unsafe_text, logit_scale),
    }


def weighted_sum(terms: dict[str, torch.Tensor], weights: TermWeights) -> torch.Tensor:
    """Σ w·term / Σ w.

    A term that is not among `terms` must weigh nothing. The released loop divides this by 8 once more; Adam's step
    does not depend on the scale of the loss, so we do not.
    """
    raw = asdict(weights)
    return sum(raw[name] * term for name, term in terms.items()) / sum(raw.values())
