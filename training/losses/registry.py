"""Training objectives by name. A new one is a file in this package and one line of OBJECTIVES.

One that asks a further frozen model, as `answers` and `paintings` do, has a reader in `training.readers` beside it,
which `recipes.safe_clip` calls.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, make_dataclass
from functools import reduce
from typing import Any

import torch
from torch import nn

from safeclip.errors import ProfileError

from ..bounds import check_bounds
from .answers import AnswerOptions, answers
from .des import DesOptions, SageOptions, des, des_prompts, sage
from .embeddings import Embeddings, FrozenEmbeddings, Reads
from .hysac import HysacOptions, HysacParameters, hysac, hysac_retrieval
from .mixed_gallery import MixedGalleryOptions, mixed_gallery
from .paintings import PaintingOptions, paintings
from .redirection import RedirectionOptions, redirection
from .safer_clip import SaferClipOptions, safer_clip
from .token_states import TokenStateOptions, token_states


@dataclass(frozen=True)
class Objective:
    """A named part of a training loss.

    `terms(tuned, frozen, options)` gives unweighted scalars by name. `options` is a dataclass whose field `weights`
    has a weight for each of those names; a recipe sets both in its table `[objective.NAME]`. `reads` tells which
    optional inputs it needs. `parameters(options, width)`, where there is one, makes a module of learnt numbers, which
    `terms` takes as a fourth argument. `prompts(options)` are texts whose states it reads. `retrieval(tuned, module)`
    turns embeddings into queries and a gallery, (n, d + 1) each, where their inner product is not the cosine. At most
    one objective of a recipe has prompts, and at most one a retrieval. A batch of fewer than `least` quadruplets leaves
    it without others to compare with.
    """

    terms: Callable[..., dict[str, torch.Tensor]]
    options: type
    reads: Reads = Reads.NOTHING
    parameters: Callable[[Any, int], nn.Module] | None = None
    prompts: Callable[[Any], tuple[str, ...]] | None = None
    retrieval: Callable[[Embeddings, Any], tuple[Embeddings, Embeddings]] | None = None
    least: int = 2


OBJECTIVES = {
    "safe_clip": Objective(redirection, RedirectionOptions),
    "mixed_gallery": Objective(mixed_gallery, MixedGalleryOptions),
    "token_states": Objective(token_states, TokenStateOptions, Reads.STATES | Reads.FROZEN_STATES, least=1),
    "answers": Objective(answers, AnswerOptions, Reads.STATES, least=1),
    "paintings": Objective(paintings, PaintingOptions, Reads.STATES, least=1),
    "safer_clip": Objective(safer_clip, SaferClipOptions, Reads.NEIGHBOURS),
    "hysac": Objective(hysac, HysacOptions, Reads.FEATURES, parameters=HysacParameters, retrieval=hysac_retrieval),
    "des": Objective(des, DesOptions, Reads.STATES | Reads.FROZEN_STATES | Reads.UNSAFE_STATES, prompts=des_prompts),
    "sage": Objective(sage, SageOptions, Reads.STATES | Reads.FROZEN_STATES),
}

ObjectiveSpec = make_dataclass(
    "ObjectiveSpec", [(name, each.options | None, None) for name, each in OBJECTIVES.items()], frozen=True
)
ObjectiveSpec.__doc__ = "The table [objective] of a recipe: options of every objective that takes part, by its name."


class ObjectiveSum(nn.Module):
    """The objectives of a recipe, with one weighted mean over the terms of all of them.

    `width` is that of the models' features. Raises ProfileError when no term has a weight, for a number that an option
    cannot be, when two objectives have terms of the same name, and when two have prompts or a retrieval.
    """

    def __init__(self, spec: ObjectiveSpec, width: int):
        super().__init__()
        chosen = {each.name: getattr(spec, each.name) for each in fields(spec)}
        self.options = {name: options for name, options in chosen.items() if options is not None}
        self.weights: dict[str, float] = {}
        for name, options in self.options.items():
            check_bounds(f"objective.{name}", options)
            check_bounds(f"objective.{name}.weights", options.weights)
            weights = asdict(options.weights)
            if twice := ", ".join(weights.keys() & self.weights.keys()):
                raise ProfileError(
                    f"[objective.{name}] has terms that another objective has too: {twice}. Leave one out."
                )
            self.weights |= weights
        if not sum(self.weights.values()) > 0:
            known = ", ".join(OBJECTIVES)
            raise ProfileError(f"the table [objective] gives no term a weight; set the options of one of: {known}.")
        for part in ("prompts", "retrieval"):
            if len(several := self._having(part)) > 1:
                raise ProfileError(f"only one objective may have {part} of its own, not {' and '.join(several)}.")
        self.learnt = nn.ModuleDict(
            {
                name: OBJECTIVES[name].parameters(options, width)
                for name, options in self.options.items()
                if OBJECTIVES[name].parameters
            }
        )

    @property
    def reads(self) -> Reads:
        """The optional inputs that one of the objectives needs."""
        return reduce(lambda found, name: found | OBJECTIVES[name].reads, self.options, Reads.NOTHING)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The texts whose states an objective reads."""
        return next((OBJECTIVES[name].prompts(self.options[name]) for name in self._having("prompts")), ())

    def clamp(self) -> None:
        """Puts the learnt numbers of all objectives back into their ranges."""
        for learnt in self.learnt.values():
            learnt.clamp()

    def retrieval(self, tuned: Embeddings) -> tuple[Embeddings, Embeddings]:
        """Embeddings as queries and as a gallery: the higher their inner product, the nearer they are."""
        for name in self._having("retrieval"):
            return OBJECTIVES[name].retrieval(tuned, self.learnt[name])
        return tuned, tuned

    def terms(self, tuned: Embeddings, frozen: FrozenEmbeddings) -> dict[str, torch.Tensor]:
        """Every term of every chosen objective, unweighted."""
        found: dict[str, torch.Tensor] = {}
        for name, options in self.options.items():
            learnt = (self.learnt[name],) if name in self.learnt else ()
            found |= OBJECTIVES[name].terms(tuned, frozen, options, *learnt)
        return found

    def _having(self, part: str) -> list[str]:
        """The chosen objectives that have a part which not all have."""
        return [name for name in self.options if getattr(OBJECTIVES[name], part)]

    def loss(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """Σ weight · term / Σ weight."""
        return sum(self.weights[name] * term for name, term in terms.items()) / sum(self.weights.values())
