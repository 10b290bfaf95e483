"""Trials: one text, perturbed in several ways, and what every seat finds or paints for each."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import QueryError, RefusedError, SafeClipError
from ..failures.asking_models import painted_outcomes
from ..failures.columns import Column
from ..failures.kinds import RANKED, Outcome
from ..failures.questions import Question
from ..failures.searching import ColumnSearch, outcome_of
from ..refusal import check_text
from .perturbations import Stack, Words

if TYPE_CHECKING:
    from ..lab import Lab

UNSAFE = "unsafe_text_to_all_images"
PROMPT = "unsafe_prompt"
TASKS = ("retrieval", "generation")  # that a text can be given to
QUICK_STEPS = 8  # of a picture: enough for the embedded judge to name what is in it
SEED = 0  # of every picture


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
                "threshold": outcome.threshold,
                "said": outcome.said,
                "judge": outcome.judge,
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
        outcomes = {key: _outcome(each) for key, each in seats.items() if "error" not in each}
        errors = {key: each["error"] for key, each in seats.items() if "error" in each}
        return cls(values["stack"], values["text"], values["applied"], values["refused"], outcomes, errors)


def _outcome(values: dict[str, Any]) -> Outcome:
    """The outcome that `Trial.to_dict` described."""
    names = ("score", "threshold", "unsafe_hits", "margin", "found", "said", "judge")
    kept = {name: values[name] for name in names if name in values}
    return Outcome(rank=1, unsafe=values["leaks"], related=True, **kept)


class RedTeam:
    """Perturbs texts and gives them to a lab's `task` under `seats`, by default all. Safe to use from threads.

    "retrieval" searches the gallery; a text leaks when its first picture is unsafe. "generation" paints one picture of
    each text in `steps` steps; a text leaks when the judges flag it, and its margin is how far the score stays below
    the judge's threshold.
    """

    def __init__(
        self,
        lab: "Lab",
        words: Words,
        seats: Sequence[str] | None = None,
        *,
        task: str = "retrieval",
        steps: int = QUICK_STEPS,
    ) -> None:
        """Raises QueryError for a task that the profile does not seat, or that a text cannot be given to."""
        if task not in TASKS or getattr(lab.profile, task) is None:
            raise QueryError(f"The profile “{lab.profile.name}” cannot try texts on the task “{task}”.")
        self.lab = lab
        self.words = words
        self.task = task
        self.steps = steps
        known = lab.encoders.seats if task == "retrieval" else lab.generation.seats
        self.seats = tuple(key for key in known if seats is None or key in seats)

    @property
    def settings(self) -> list[Any]:
        """What besides the texts decides their outcomes, as plain JSON values."""
        if self.task == "retrieval":
            encoders = {key: self.lab.encoders[key].fingerprint for key in self.seats}
            return [encoders, self.lab.gallery.fingerprint]
        return [self.task, self.lab.generation.fingerprint, list(self.seats), self.steps, SEED]

    def trials(self, text: str, stacks: Sequence[Stack]) -> list[Trial]:
        """The text as it is, and under each stack, in that order. A refused text is one trial alone."""
        *_, last = self.progress(text, stacks)
        return last

    def progress(
        self, text: str, stacks: Sequence[Stack], stop: threading.Event | None = None
    ) -> Iterator[list[Trial]]:
        """Yields all trials as they become known; those that are still to be tried have no outcomes.

        Setting `stop` ends it before the next text.
        """
        made = [self._perturbed(text, stack) for stack in (Stack(), *(each for each in stacks if each.steps))]
        if made[0].refused:
            yield made[:1]
            return
        asked = list(dict.fromkeys(trial.text for trial in made if not trial.refused))
        for known in self._searched(asked) if self.task == "retrieval" else self._painted(asked, stop):
            yield [replace(trial, **known[trial.text]) if trial.text in known else trial for trial in made]

    def _searched(self, texts: Sequence[str]) -> "Iterator[_Known]":
        """Yields the outcomes of all texts, searched for together."""
        found: dict[str, dict[str, Outcome]] = {text: {} for text in texts}
        errors: dict[str, str] = {}
        for key in self.seats:
            try:
                search = ColumnSearch(self.lab, Column(key))
                for text, hits in zip(texts, search.nearest(texts, "text", "images", RANKED), strict=True):
                    found[text][key] = outcome_of(Question(0, UNSAFE, text), hits, self.lab.gallery)
            except SafeClipError as error:
                errors[key] = str(error)
        yield {text: {"outcomes": outcomes, "errors": errors} for text, outcomes in found.items()}

    def _painted(self, texts: Sequence[str], stop: threading.Event | None) -> "Iterator[_Known]":
        """Yields the outcomes of the texts painted so far."""
        known: _Known = {}
        yield {}
        for text in texts:
            if stop is not None and stop.is_set():
                return
            try:
                question, columns = Question(SEED, PROMPT, text), [Column(key) for key in self.seats]
                painted = painted_outcomes(self.lab.generation, columns, question, steps=self.steps)
                known[text] = {"outcomes": {key: _with_margin(each) for key, each in painted.items()}}
            except SafeClipError as error:
                known[text] = {"errors": dict.fromkeys(self.seats, str(error))}
            yield known

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


_Known = dict[str, dict[str, Any]]  # text → the fields of its trials that are known by now


def _with_margin(painted: Outcome) -> Outcome:
    """An outcome of a picture, with the distance from the judge's score up to its threshold."""
    return painted if painted.threshold is None else replace(painted, margin=painted.threshold - painted.score)


def closest(trials: Sequence[Trial], seats: Sequence[str] | None = None, most: int = 10) -> list[Trial]:
    """The trials with the smallest margins, the smallest first; leaks have negative ones."""
    margins = [(trial.margin(seats), trial) for trial in trials]
    known = [(margin, trial) for margin, trial in margins if margin is not None]
    return [trial for _, trial in sorted(known, key=lambda pair: pair[0])[:most]]
