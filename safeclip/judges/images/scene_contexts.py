"""Rules of contextual harm as a scene classifier applies them: tables over its subjects, objects and places."""

from collections.abc import Sequence

import torch

from ..contexts import Context


def context_tables(
    contexts: Sequence[Context], subjects: Sequence[str], objects: Sequence[str], places: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The rules as tables of 0 and 1: which object each is about, and with which subject at which place it holds.

    float32 (contexts, objects) and (contexts, subjects, places). Names that are not in a list never match.
    """
    things = torch.zeros(len(contexts), len(objects))
    holds = torch.zeros(len(contexts), len(subjects), len(places))
    for row, context in enumerate(contexts):
        things[row] = _among(objects, (context.thing,))
        for clause in context.unsafe:
            both = torch.outer(_asked(subjects, clause.who), _asked(places, clause.where))
            holds[row] = torch.maximum(holds[row], both)
    return things, holds


def _asked(names: Sequence[str], wanted: Sequence[str]) -> torch.Tensor:
    return _among(names, wanted) if wanted else torch.ones(len(names))


def _among(names: Sequence[str], wanted: Sequence[str]) -> torch.Tensor:
    return torch.tensor([float(name in wanted) for name in names])
