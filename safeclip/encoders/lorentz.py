"""The Lorentz model of hyperbolic space: points on a hyperboloid, compared by an inner product of other signs.

A point of curvature −c is (x, t): d space coordinates and, last, the time coordinate t = √(1/c + |x|²). The root is
x = 0. Formulas as in Desai et al., Hyperbolic Image-Text Representations (MERU), arXiv 2304.09172, section 3.
"""

import math

import numpy as np
import torch

_LARGEST = math.asinh(2.0**15)  # of √c·|v|, beyond which single precision loses the point


def lift(vectors: torch.Tensor, curvature: float) -> torch.Tensor:
    """Vectors (n, d) of the tangent space at the root → points (n, d + 1): the exponential map."""
    root = math.sqrt(curvature)
    length = root * vectors.norm(dim=-1, keepdim=True)
    space = vectors * torch.sinh(length.clamp(max=_LARGEST)) / length.clamp(min=1e-8)
    time = torch.sqrt(1 / curvature + space.square().sum(dim=-1, keepdim=True))
    return torch.cat([space, time], dim=-1)


def as_query(points: np.ndarray) -> np.ndarray:
    """Points (n, d + 1) with the time coordinate negated: x·y − t·u, Lorentz's product, is then a plain inner product.

    It falls as the distance grows, from −1/c of a point with itself.
    """
    return np.concatenate([points[:, :-1], -points[:, -1:]], axis=1)


def distance(products: np.ndarray, curvature: float) -> np.ndarray:
    """Lorentz products, of any shape → the distances along the hyperboloid."""
    return np.arccosh(np.maximum(-curvature * products, 1.0)) / math.sqrt(curvature)


def depth(points: np.ndarray, curvature: float) -> np.ndarray:
    """Points (n, d + 1) → their distances from the root (n,)."""
    root = math.sqrt(curvature)
    return np.arcsinh(root * np.linalg.norm(points[:, :-1], axis=1)) / root


def traverse(points: np.ndarray, radius: float, curvature: float) -> np.ndarray:
    """Points (n, d + 1), those deeper than `radius` moved towards the root, along the geodesic, to that depth.

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
