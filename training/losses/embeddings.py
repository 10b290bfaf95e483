"""Inputs of an objective: what the tuned and the frozen model compute of a batch of quadruplets.

Row i of every tensor belongs to quadruplet i; t, t* are safe and unsafe texts, v, v* safe and unsafe images.
"""

from dataclasses import dataclass
from enum import Flag, auto
from typing import Any

import torch


class Reads(Flag):
    """Optional inputs of an objective, which a training computes only when an objective reads them."""

    NOTHING = 0
    FEATURES = auto()  # of both towers, before they are normalised
    STATES = auto()  # of tokens and patches, by the tuned model
    FROZEN_STATES = auto()  # by the frozen model, of the safe half
    UNSAFE_STATES = auto()  # by the frozen model, of the unsafe half
    NEIGHBOURS = auto()  # the unsafe half's frozen embeddings, and the nearest safe items


@dataclass
class TokenStates:
    """Hidden states of n texts (n, L, w) and of the patches of n images (n, p, w'), float.

    The text states are those that Stable Diffusion reads, the image states those that LLaVA reads.
    """

    text: torch.Tensor
    image: torch.Tensor


@dataclass
class Features:
    """Projected outputs of both towers, (n, d) float, not normalised."""

    text: torch.Tensor
    unsafe_text: torch.Tensor
    image: torch.Tensor
    unsafe_image: torch.Tensor


@dataclass
class Paintings:
    """What a frozen Stable Diffusion makes of the text states of k quadruplets, float (k,).

    `advance` is how far the prediction for t* has gone from that of the frozen t* to that of the frozen t, 1 where the
    two are alike; `change` is the squared distance of the prediction for t from that of the frozen t, relative to it.
    """

    advance: torch.Tensor
    change: torch.Tensor


@dataclass
class Embeddings:
    """The tuned model's embeddings T(t), T(t*), V(v), V(v*): each (n, d) float, L2-normalised.

    `prompt_states` (k, L, w) are the text states of an objective's own prompts. `answer_likelihoods` and `preferences`,
    float (n,), are what a frozen LLaVA makes of the states: the log-likelihood of its answer about v, given v, and by
    how many nats that answer is likelier than the one about v*, given v*. `paintings` are of some of the quadruplets.
    """

    text: torch.Tensor
    unsafe_text: torch.Tensor
    image: torch.Tensor
    unsafe_image: torch.Tensor
    features: Features | None = None
    states: TokenStates | None = None
    unsafe_states: TokenStates | None = None
    prompt_states: torch.Tensor | None = None
    answer_likelihoods: torch.Tensor | None = None
    preferences: torch.Tensor | None = None
    paintings: Paintings | None = None


@dataclass
class Reference:
    """T0(t) and V0(v) of n quadruplets, float32 (n, d), L2-normalised; with neighbours also the unsafe half.

    `nearest_image` is the V0 of the safe image of the whole collection that is nearest to T0(t*), `nearest_text` the
    T0 of the safe text nearest to V0(v*).
    """

    text: torch.Tensor
    image: torch.Tensor
    unsafe_text: torch.Tensor | None = None
    unsafe_image: torch.Tensor | None = None
    nearest_image: torch.Tensor | None = None
    nearest_text: torch.Tensor | None = None


def reference_rows(reference: Reference, indices: torch.Tensor | slice) -> Reference:
    """The embeddings of some of the quadruplets."""
    chosen: dict[str, Any] = {name: None if each is None else each[indices] for name, each in vars(reference).items()}
    return Reference(**chosen)


@dataclass
class FrozenEmbeddings(Reference):
    """Embeddings of a batch of n quadruplets by the frozen model, and its token states where a term reads them.

    `correspondence` int64 (n, L) tells for each token of t* which token of t takes its place. `progress` in [0, 1] is
    the share of the run's steps that are done.
    """

    states: TokenStates | None = None
    unsafe_states: TokenStates | None = None
    correspondence: torch.Tensor | None = None
    prompt_states: torch.Tensor | None = None
    progress: float = 1.0
