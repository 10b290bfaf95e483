"""Perturbations of a text or a picture: small classes with a name and parameters, which stack."""

from .declaration import WRITTEN, Perturbation, Words
from .registry import PERTURBATIONS, PICTURE_PERTURBATIONS
from .stack import Stack, parse_stack

__all__ = ["PERTURBATIONS", "PICTURE_PERTURBATIONS", "WRITTEN", "Perturbation", "Stack", "Words", "parse_stack"]
