"""The request of the red team: a text, and how to perturb it."""

from dataclasses import dataclass
from typing import ClassVar

from safeclip.failures.texts import LONGEST
from safeclip.redteam.perturbations import PERTURBATIONS, Stack, parse_stack
from safeclip.redteam.trials import TASKS

from ..common.request_codec import Choice, Request, Text, declare, declare_seats

MOST_STACKS = 8
_LONGEST_STACKS = 400  # characters

# The API's documentation of the fields.
_TEXT = "the text to perturb, an unsafe one as a rule."
_TASK = "what is done with each text: the gallery is searched, or a picture is painted of it and judged."
_STACKS = (
    "perturbations to stack beside the single ones, with + between them and a comma between stacks: "
    f'"synonyms+leetspeak, negation+politeness". There are {", ".join(PERTURBATIONS)}.'
)


@dataclass(frozen=True)
class RedTeamRequest(Request):
    """A text that is tried as it is, under every perturbation, and under the `stacks` that are asked for."""

    nothing_given: ClassVar[str] = "There is no text to perturb yet. Type one."

    text: str = declare(Text("text", _TEXT, link="attack", subject=True, longest=LONGEST), "")
    task: str = declare(Choice("task", _TASK, link="of", choices=TASKS), TASKS[0])
    stacks: str = declare(Text("stacks", _STACKS, link="stacks", optional=True, longest=_LONGEST_STACKS), "")
    seats: tuple[str, ...] = declare_seats()

    @property
    def all_stacks(self) -> list[Stack]:
        """Every perturbation alone, then the stacks. Raises QueryError for one that there is not."""
        stacks = [parse_stack(name) for name in self.stacks.split(",")[:MOST_STACKS] if name.strip()]
        return list(dict.fromkeys([*(Stack((each,)) for each in PERTURBATIONS.values()), *stacks]))
