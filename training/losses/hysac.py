"""HySAC's objective: contrast and entailment in hyperbolic space, safe items near the root and unsafe ones far from it.

Poppi et al., CVPR 2025, arXiv 2503.12127. A point is given by its space coordinates x alone; its time coordinate is
√(1/c + ‖x‖²), where −c is the curvature. Decisions where the paper leaves room, as MERU (arXiv 2304.09172), on which it
builds: the factors of the features stay at most 1 and the logit scale at most 100. All of it is computed in float32.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from ..bounds import POSITIVE, bounded
from .contrastive import symmetric_cross_entropy
from .embeddings import Embeddings, FrozenEmbeddings
from .weights import term_weights

MODALITIES = {"text": "text", "unsafe_text": "text", "image": "image", "unsafe_image": "image"}
APERTURE = 0.2  # of a cone at distance 1/√c from the root
CURVATURES = (0.1, 10.0)
MAX_LOGIT_SCALE = 100.0
_LARGEST = math.asinh(2.0**15)  # of √c·‖v‖, beyond which single precision loses the point
_EPSILON = 1e-6

# The paper's weights, with λ = 1 for entailment.
HysacWeights = term_weights(
    contrast_safe=1.0,
    contrast_unsafe=1.0,
    contrast_text_unsafe_image=1.0,
    contrast_unsafe_text_image=1.0,
    text_entails_image=1.0,
    unsafe_text_entails_image=1.0,
    image_entails_unsafe_text=1.0,
)


@dataclass(frozen=True)
class HysacOptions:
    """Options of HySAC's objective: the factor K on a cone's aperture, and the weights."""

    aperture_factor: float = bounded(1.0, POSITIVE)
    weights: HysacWeights = HysacWeights()


class HysacParameters(nn.Module):
    """Learnt numbers of HySAC: curvature, one factor a modality and the logit scale, each as its logarithm.

    `width` d is that of the features: their factors start at d^-½.
    """

    def __init__(self, options: HysacOptions, width: int):
        super().__init__()
        self.curvature = nn.Parameter(torch.tensor(0.0))
        self.text_factor = nn.Parameter(torch.tensor(-0.5 * math.log(width)))
        self.image_factor = nn.Parameter(torch.tensor(-0.5 * math.log(width)))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    @torch.no_grad()
    def clamp(self) -> None:
        """Puts every number back into its range."""
        self.curvature.clamp_(*map(math.log, CURVATURES))
        self.text_factor.clamp_(max=0.0)
        self.image_factor.clamp_(max=0.0)
        self.logit_scale.clamp_(max=math.log(MAX_LOGIT_SCALE))

    def lift(self, features: torch.Tensor, modality: str) -> torch.Tensor:
        """Features (n, d) of "text" or "image" → space coordinates (n, d)."""
        factor = self.text_factor if modality == "text" else self.image_factor
        return exponential_map(factor.exp() * features.float(), self.curvature.exp())


def hysac(
    tuned: Embeddings, frozen: FrozenEmbeddings, options: HysacOptions, parameters: HysacParameters
) -> dict[str, torch.Tensor]:
    """The four contrastive and three entailment terms, unweighted, by their names in HysacWeights.

    Reads the tuned model's features; `frozen` is not used.
    """
    features, c = tuned.features, parameters.curvature.exp()
    t, tu, v, vu = (parameters.lift(getattr(features, name), modality) for name, modality in MODALITIES.items())
    scale, factor = parameters.logit_scale.exp(), options.aperture_factor
    return {
        "contrast_safe": hyperbolic_contrast(t, v, c, scale),
        "contrast_unsafe": hyperbolic_contrast(tu, vu, c, scale),
        "contrast_text_unsafe_image": hyperbolic_contrast(t, vu, c, scale),
        "contrast_unsafe_text_image": hyperbolic_contrast(tu, v, c, scale),
        "text_entails_image": entailment(t, v, c, factor),
        "unsafe_text_entails_image": entailment(tu, vu, c, factor),
        "image_entails_unsafe_text": entailment(v, tu, c, factor),
    }


def hysac_retrieval(tuned: Embeddings, parameters: HysacParameters) -> tuple[Embeddings, Embeddings]:
    """Points (n, d + 1) as queries and as a gallery: their inner product, Lorentz's, falls with the distance."""
    points, features = {}, tuned.features
    for name, modality in MODALITIES.items():
        space = parameters.lift(getattr(features, name), modality)
        points[name] = space, time_coordinate(space, parameters.curvature.exp())
    queries, gallery = (
        Embeddings(**{name: torch.cat((space, sign * time), dim=-1) for name, (space, time) in points.items()})
        for sign in (-1, 1)
    )
    return queries, gallery


def exponential_map(vectors: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Space coordinates (n, d) of the exponential map at the root: v · sinh(√c‖v‖) / (√c‖v‖)."""
    length = c.sqrt() * vectors.norm(dim=-1, keepdim=True)
    return vectors * torch.sinh(length.clamp(max=_LARGEST)) / length.clamp(min=_EPSILON)


def time_coordinate(x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """√(1/c + ‖x‖²) of points (n, d): (n, 1)."""
    return torch.sqrt(1 / c + x.square().sum(-1, keepdim=True))


def pairwise_distance(x: torch.Tensor, y: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Distances (n, m) of points x (n, d) and y (m, d): arcosh(−c⟨x, y⟩) / √c, with Lorentz's product."""
    product = x @ y.T - time_coordinate(x, c) @ time_coordinate(y, c).T
    return torch.acosh((-c * product).clamp(min=1 + _EPSILON)) / c.sqrt()


def hyperbolic_contrast(x: torch.Tensor, y: torch.Tensor, c: torch.Tensor, logit_scale: torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE with minus the distance as similarity: row i of both (n, d) is a pair."""
    return symmetric_cross_entropy(-logit_scale * pairwise_distance(x, y, c))


def entailment(x: torch.Tensor, y: torch.Tensor, c: torch.Tensor, factor: float = 1.0) -> torch.Tensor:
    """Mean of max(0, angle − factor · aperture): how far y_i lies outside the cone of x_i. x, y (n, d).

    The aperture is asin(0.2 / (√c‖x‖)), the angle the one at x between its ray from the root and the geodesic to y.
    """
    norm = x.norm(dim=-1)
    aperture = torch.asin((APERTURE / (c.sqrt() * norm)).clamp(max=1 - _EPSILON))
    x_time, y_time = (time_coordinate(each, c).squeeze(-1) for each in (x, y))
    product = c * ((x * y).sum(-1) - x_time * y_time)  # at most −1
    cosine = (y_time + x_time * product) / (norm * torch.sqrt((product.square() - 1).clamp(min=_EPSILON)))
    angle = torch.acos(cosine.clamp(-1 + _EPSILON, 1 - _EPSILON))
    return torch.relu(angle - factor * aperture).mean()
