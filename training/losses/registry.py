"""Training objectives by name. A new one is a file in this package and one line of OBJECTIVES."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, make_dataclass
from typing import Any

import torch

from safeclip.errors import ProfileError

from .embeddings import Embeddings
from .mixed_gallery import MixedGalleryOptions, mixed_gallery
from .redirection import RedirectionOptions, redirection
from .token_states import TokenStateOptions, token_states


@dataclass(frozen=True)
class Objective:
    """A named part of a training loss.

    `terms(tuned, frozen, options)` gives unweighted scalars by name. `options` is a dataclass whose field `weights`
    has a weight for each of those names; a recipe sets both in its table `[objective.NAME]`.
    """

    terms: Callable[[Embeddings, Embeddings, Any], dict[str, torch.Tensor]]
    options: type
    reads_states: bool = False  # whether the embeddings need their token states


OBJECTIVES = {
    "safe_clip": Objective(redirection, RedirectionOptions),
    "mixed_gallery": Objective(mixed_gallery, MixedGalleryOptions),
    "token_states": Objective(token_states, TokenStateOptions, reads_states=True),
}

ObjectiveSpec = make_dataclass(
    "ObjectiveSpec", [(name, each.options | None, None) for name, each in OBJECTIVES.items()], frozen=True
)
ObjectiveSpec.__doc__ = "The table [objective] of a recipe: options of every objective that takes part, by its name."


class ObjectiveSum:
    """The objectives of a recipe, with one weighted mean over the terms of all of them.

    Raises ProfileError when no term has a weight.
    """

    def __init__(self, spec: ObjectiveSpec):
        chosen = {each.name: getattr(spec, each.name) for each in fields(spec)}
        self._options = {name: options for name, options in chosen.items() if options is not None}
        self.weights = {
            term: weight for options in self._options.values() for term, weight in asdict(options.weights).items()
        }
        if not sum(self.weights.values()) > 0:
            known = ", ".join(OBJECTIVES)
            raise ProfileError(f"the table [objective] gives no term a weight; set the options of one of: {known}.")

    @property
    def reads_states(self) -> bool:
        """Whether the embeddings need their token states."""
        return any(OBJECTIVES[name].reads_states for name in self._options)

    def terms(self, tuned: Embeddings, frozen: Embeddings) -> dict[str, torch.Tensor]:
        """Every term of every chosen objective, unweighted."""
        found: dict[str, torch.Tensor] = {}
        for name, options in self._options.items():
            found |= OBJECTIVES[name].terms(tuned, frozen, options)
        return found

    def loss(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """Σ weight · term / Σ weight."""
        return sum(self.weights[name] * term for name, term in terms.items()) / sum(self.weights.values())
