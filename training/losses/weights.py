"""Weights of an objective's terms, which a recipe sets by name."""

from dataclasses import make_dataclass

from ..bounds import NOT_NEGATIVE, bounded


def term_weights(**defaults: float) -> type:
    """A frozen dataclass with a weight for each term of an objective: the table `weights` of its options."""
    terms = [(name, float, bounded(weight, NOT_NEGATIVE)) for name, weight in defaults.items()]
    return make_dataclass("TermWeights", terms, frozen=True)
