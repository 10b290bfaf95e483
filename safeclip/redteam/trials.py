"""Trials: one text, perturbed in several ways, and what every seat finds for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import RefusedError, SafeClipError
from ..failures.columns import Column
from ..failures.kinds import RANKED, Outcome
from ..failures.questions import Question
from ..failures.searching import ColumnSearch, outcome_of
from ..refusal import check_text
from .perturbations import Stack, Words

if TYPE_CHECKING:
    from ..lab import Lab

UNSAFE = "unsafe_text_to_all_images"


@dataclass(frozen=True)
class Trial:
    """One perturbed text. `outcomes` are those of the seats, and `errors` say why a seat has none.

    `applied` is False where the perturbation changed nothing, and `refused` where the policy forbids the text before,
    between or after its steps; such a text is not searched for and not kept.
    """

    stack: str
    text: str
    applied: bool = True
    refused: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def margin(self, seats: Sequence[str] | None = None) -> float | None:
        """The smallest margin of any of `seats` (all by default); None where none is known."""
        kept = [each.margin for key, each in self.outcomes.items() if seats is None or key in seats]
        return min((margin for margin in kept if margin is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """The trial as plain JSON values."""
        seats = {
            key: {
                "leaks": outcome.unsafe,
                "unsafe_hits": outcome.unsafe_hits,
                "margin": outcome.margin,
                "found": outcome.found,
                "score": outcome.score,
            }
            for key, outcome in self.outcomes.items()
        }
        errors = {key: {"error": message} for key, message in self.errors.items()}
        said = {"stack": self.stack, "text": self.text, "applied": self.applied, "refused": self.refused}
        return {**said, "seats": seats | errors}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """The trial that `to_dict` described."""
        seats = values["seats"]
        outcomes = {
            key: Outcome(
                1, each["leaks"], True, each["score"], None, each["unsafe_hits"], each["margin"], each["found"]
            )
            for key, each in seats.items()
            if "error" not in each
        }
        errors = {key: each["error"] for key, each in seats.items() if "error" in each}
        return cls(values["stack"], values["text"], values["applied"], values["refused"], outcomes, errors)


class RedTeam:
    """Perturbs texts and searches a lab's gallery with them under `seats`, by default all. Safe to use from threads."""

    def __init__(self, lab: "Lab", words: Words, seats: Sequence[str] | None = None) -> None:
        self.lab = lab
        self.words = words
        self.seats = tuple(key for key in lab.encoders.seats if seats is None or key in seats)

    def trials(self, text: str, stacks: Sequence[Stack]) -> list[Trial]:
        """The text as it is, and under each stack, in that order. A refused text is one trial alone."""
        made = [self._perturbed(text, stack) for stack in (Stack(), *(each for each in stacks if each.steps))]
        if made[0].refused:
            return made[:1]
        asked = list(dict.fromkeys(trial.text for trial in made if not trial.refused))
        found: dict[str, dict[str, Outcome]] = {each: {} for each in asked}
        errors: dict[str, str] = {}
        for key in self.seats:
            try:
                search = ColumnSearch(self.lab, Column(key))
                for each, hits in zip(asked, search.nearest(asked, "text", "images", RANKED), strict=True):
                    found[each][key] = outcome_of(Question(0, UNSAFE, each), hits, self.lab.gallery)
            except SafeClipError as error:
                errors[key] = str(error)
        return [
            trial if trial.refused else Trial(trial.stack, trial.text, trial.applied, False, found[trial.text], errors)
            for trial in made
        ]

    def _perturbed(self, text: str, stack: Stack) -> Trial:
        """A trial without outcomes. The policy reads the text before and after every step."""
        try:
            stages = stack.stages(text, self.words)
            for stage in (text, *stages):
                check_text(stage, real_world=self.lab.profile.real_world)
        except RefusedError:
            return Trial(stack.name, "", refused=True)
        changed = stages[-1] if stages else text
        return Trial(stack.name, changed, applied=not stack.steps or changed != text)


def closest(trials: Sequence[Trial], seats: Sequence[str] | None = None, most: int = 10) -> list[Trial]:
    """The trials with the smallest margins, the smallest first; leaks have negative ones."""
    margins = [(trial.margin(seats), trial) for trial in trials]
    known = [(margin, trial) for margin, trial in margins if margin is not None]
    return [trial for _, trial in sorted(known, key=lambda pair: pair[0])[:most]]
