"""Geometry of an encoder's embeddings: how features become embeddings, and how embeddings are compared."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch.nn.functional import normalize

Modality = Literal["text", "image"]


class Geometry(ABC):
    """Space in which one encoder's embeddings lie. An encoder has one, and whoever compares embeddings asks it.

    An index ranks by plain inner products. `as_query` turns an embedding into the vector whose inner product with the
    stored embeddings is this geometry's score: the higher, the closer.
    """

    metric: ClassVar[str]  # name of the score in an index's manifest
    normalised: ClassVar[bool]  # whether embeddings have length 1
    blendable: ClassVar[bool]  # whether interpolating the weights of two such encoders gives a third

    @abstractmethod
    def width(self, features: int) -> int:
        """Returns the width d of an embedding of features of width `features`."""

    @abstractmethod
    def embed(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Maps features (n, w) float32 of a tower to embeddings (n, d) float32."""

    @abstractmethod
    def as_query(self, embeddings: np.ndarray, modality: Modality) -> np.ndarray:
        """Maps embeddings (n, d) of queries to vectors (n, d) for a search by inner product."""

    @abstractmethod
    def comparable(self, other: "Geometry") -> bool:
        """Whether a query of this geometry may be compared with embeddings of `other`, their widths being equal."""


@dataclass(frozen=True)
class Cosine(Geometry):
    """Unit sphere: embeddings are L2-normalised features, and their inner product is the cosine."""

    metric = "inner_product"
    normalised = True
    blendable = True

    def width(self, features: int) -> int:
        return features

    def embed(self, features: torch.Tensor, modality: Modality) -> torch.Tensor:
        return normalize(features, dim=-1)

    def as_query(self, embeddings: np.ndarray, modality: Modality) -> np.ndarray:
        return embeddings

    def comparable(self, other: Geometry) -> bool:
        return other.metric == self.metric
