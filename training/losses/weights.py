"""Weights of an objective's terms, which a recipe sets by name."""

from dataclasses import make_dataclass


def term_weights(**defaults: float) -> type:
    """A frozen dataclass with a weight for each term of an objective: the table `weights` of its options."""
    return make_dataclass("TermWeights", [(name, float, weight) for name, weight in defaults.items()], frozen=True)
