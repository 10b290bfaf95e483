"""Lorentz model of hyperbolic space: points on a hyperboloid, compared by an inner product of other signs.

A point of curvature −c is (x, t): d space coordinates and, last, the time coordinate t = √(1/c + |x|²). The root is
x = 0. Formulas as in Desai et al., Hyperbolic Image-Text Representations (MERU), arXiv 2304.09172, section 3.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from .geometry import Geometry, Modality

_LARGEST = math.asinh(2.0**15)  # of √c·|v|, beyond which single precision loses the point


@dataclass(frozen=True)
class Lorentz(Geometry):
    """Hyperboloid of curvature −`curvature`; an embedding (d + 1) ends with the time coordinate.

    `scales` multiply the features of each modality before they are lifted. `radii` bound the distance of a query of a
    modality from the root: a query beyond it is moved towards the root, which is HySAC's redirection of unsafe queries
    (arXiv 2503.12127); a modality without a radius is left as it is. A score is Lorentz's product, at most −1/c.
    """

    curvature: float
    scales: Mapping[Modality, float]
    radii: Mapping[Modality, float]

    metric = "lorentz"
    normalised = False
    blendable = False  # between two curvatures there is no straight line

    def width(self, features: int) -> int:
        return features + 1

    def embed(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        return lift(self.scales[modality] * features, self.curvature)

    def as_query(self, embeddings: np.ndarray, modality: Modality) -> np.ndarray:
        if modality in self.radii:
            embeddings = traverse(embeddings, self.radii[modality], self.curvature)
        return as_query(embeddings)

    def comparable(self, other: Geometry) -> bool:
        return isinstance(other, Lorentz) and math.isclose(other.curvature, self.curvature, rel_tol=1e-6)


def lift(vectors: torch.Tensor, curvature: float) -> torch.Tensor:
    """Maps vectors (n, d) of the tangent space at the root to points (n, d + 1): the exponential map."""
    root = math.sqrt(curvature)
    length = root * vectors.norm(dim=-1, keepdim=True)
    space = vectors * torch.sinh(length.clamp(max=_LARGEST)) / length.clamp(min=1e-8)
    time = torch.sqrt(1 / curvature + space.square().sum(dim=-1, keepdim=True))
    return torch.cat([space, time], dim=-1)


def as_query(points: np.ndarray) -> np.ndarray:
    """Negates the time coordinate of points (n, d + 1): an inner product with a point is then Lorentz's, x·y − t·u.

    It falls as the distance grows, from −1/c of a point with itself.
    """
    return np.concatenate([points[:, :-1], -points[:, -1:]], axis=1)


def distance(products: np.ndarray, curvature: float) -> np.ndarray:
    """Converts Lorentz products, of any shape, into distances along the hyperboloid."""
    return np.arccosh(np.maximum(-curvature * products, 1.0)) / math.sqrt(curvature)


def depth(points: np.ndarray, curvature: float) -> np.ndarray:
    """Measures the distances (n,) of points (n, d + 1) from the root."""
    root = math.sqrt(curvature)
    return np.arcsinh(root * np.linalg.norm(points[:, :-1], axis=1)) / root


def traverse(points: np.ndarray, radius: float, curvature: float) -> np.ndarray:
    """Moves those of the points (n, d + 1) that are deeper than `radius` along their geodesic to that depth.

    HySAC's redirection of unsafe queries. Its released code compares the distance but then gives the space
    coordinates the length `radius`; here the moved point is at that distance.
    """
    far = depth(points, curvature) > radius
    root = math.sqrt(curvature)
    moved = points.copy()
    space = points[far, :-1]
    moved[far, :-1] = space * (math.sinh(root * radius) / root) / np.linalg.norm(space, axis=1, keepdims=True)
    moved[far, -1] = math.cosh(root * radius) / root
    return moved
