"""Interpolates between two encoders of one architecture, weight by weight."""

import copy
from typing import TypeVar

import torch

from ..errors import CheckpointError
from ..hashing import json_sha256
from ..options import check_number
from .encoder import Encoder

M = TypeVar("M", bound=torch.nn.Module)


def blend(a: Encoder, b: Encoder, t: float) -> Encoder:
    """Makes the encoder whose every weight is (1 − t)·a + t·b: a at t = 0, b at t = 1.

    Raises QueryError unless t is a number from 0 to 1, and CheckpointError when the two differ in architecture,
    tokenizer or preprocessing, or their geometry has no straight line between two encoders.
    """
    check_number("t of a blend", t, 0, 1)
    if not a.geometry.blendable or _architecture(a) != _architecture(b):
        raise CheckpointError("Only encoders of one architecture, tokenizer and preprocessing can be blended.")
    blended = copy.copy(a)
    blended.towers = a.towers.with_model(blend_weights(a.model, b.model, t))
    blended.fingerprint = json_sha256([a.fingerprint, b.fingerprint, t])
    blended.warnings = tuple(dict.fromkeys(a.warnings + b.warnings))
    return blended


def blend_weights(a: M, b: torch.nn.Module, t: float) -> M:
    """Copies `a`, on its device, with every weight (1 − t)·a + t·b; both must be of one architecture."""
    theirs = b.state_dict()
    blended = copy.deepcopy(a)
    with torch.no_grad():
        for name, tensor in blended.state_dict().items():
            if tensor.is_floating_point():  # the position ids are not
                tensor.lerp_(theirs[name].to(tensor), t)
    return blended


def _architecture(encoder: Encoder) -> tuple[object, ...]:
    shapes = {name: tensor.shape for name, tensor in encoder.model.state_dict().items()}
    return type(encoder.towers), encoder.geometry.metric, shapes, encoder.tokenizer_hash, encoder.preprocessing_hash
