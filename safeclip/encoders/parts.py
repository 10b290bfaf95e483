"""Parts from which an encoder is made: what a format reads from a checkpoint, complete or not at all."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import torch

from ..hashing import json_sha256
from .geometry import Cosine, Geometry
from .processors import Processors


@dataclass(frozen=True)
class Towers(ABC):
    """Text and image tower of one model; `model` is a `torch.nn.Module` of the format's own class.

    A format implements the four members below for its library's model.
    """

    padded: ClassVar[bool] = False  # whether the text tower reads texts filled up to `max_length`, padding included

    model: Any

    @property
    @abstractmethod
    def width(self) -> int:
        """Width of a feature vector."""

    @property
    @abstractmethod
    def max_length(self) -> int:
        """Number of tokens that the text tower reads, the two end markers included."""

    @abstractmethod
    def text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Maps `ids` and `mask`, (n, L) int64 on the model's device, to features (n, width), not normalised."""

    @abstractmethod
    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps `pixels` (n, 3, H, W) on the model's device and in its dtype to features (n, width), not normalised."""

    @property
    def logit_scale(self) -> float:
        """Factor that turns a cosine into a logit."""
        return float(self.model.logit_scale.exp())

    def with_model(self, model: Any) -> Self:
        """Returns the same towers over another model of the same architecture."""
        return replace(self, model=model)


@dataclass(frozen=True)
class EncoderParts:
    """All that an encoder is made of. `warnings` are sentences about a checkpoint that loads but cannot be trusted.

    `identity` holds the hashes of whatever decides a feature vector, by name; with those of tokens and pixels it makes
    the fingerprint.
    """

    towers: Towers
    processors: Processors
    identity: Mapping[str, Any]
    geometry: Geometry = Cosine()
    warnings: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over everything that decides an embedding."""
        inputs = {
            "tokenizer": self.processors.tokenizer_hash,
            "preprocessing": self.processors.preprocessing_hash,
        }
        return json_sha256({**self.identity, **inputs})
