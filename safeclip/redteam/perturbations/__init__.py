"""Perturbations of a text: small classes with a name and parameters, which stack."""

from .declaration import Perturbation, Words
from .registry import PERTURBATIONS, Stack, parse_stack

__all__ = ["PERTURBATIONS", "Perturbation", "Stack", "Words", "parse_stack"]
