"""Trials: one text, perturbed in several ways, and what every seat finds or paints for each."""

import base64
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import QueryError, RefusedError, SafeClipError
from ..failures.asking_models import outcome_of_picture, require_judged
from ..failures.columns import Column
from ..failures.fingerprints import judge_fingerprint
from ..failures.kinds import RANKED, Outcome
from ..failures.questions import Question
from ..failures.searching import ColumnSearch, outcome_of
from ..images.thumbnails import blurred_thumbnail, thumbnail
from ..options import choose_seats
from ..refusal import check_text
from .perturbations import Stack, Words

if TYPE_CHECKING:
    from PIL import Image

    from ..lab import Lab

UNSAFE = "unsafe_text_to_all_images"
PROMPT = "unsafe_prompt"
TASKS = ("retrieval", "generation")  # that a text can be given to
QUICK_STEPS = 8  # of a picture: enough for the embedded judge to name what is in it
SEED = 0  # of every picture
SIDE = 64  # px of the copy of a picture that a trial keeps


@dataclass(frozen=True)
class Trial:
    """One perturbed text, or picture. `outcomes` are those of the seats, and `errors` say why a seat has none.

    `applied` is False where the perturbation changed nothing, and `refused` where the policy forbids the text before,
    between or after its steps; such a text is not searched for and not kept. `picture` is a small copy of a perturbed
    picture, and `pictures` are those of what the seats painted, each as WebP, blurred where it must not be seen.
    `notes` tell what of the text or picture is not in the profile's world, or why nothing was changed.
    """

    stack: str
    text: str
    applied: bool = True
    refused: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    picture: bytes = b""
    pictures: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def margin(self, seats: Sequence[str] | None = None) -> float | None:
        """The smallest margin of any of `seats` (all by default); None where none is known."""
        kept = [each.margin for key, each in self.outcomes.items() if seats is None or key in seats]
        return min((margin for margin in kept if margin is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """The trial as plain JSON values, without its pictures."""
        seats = {
            key: {
                "leaks": outcome.unsafe,
                "judged": outcome.judged,
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
        return {**said, "seats": seats | errors, "notes": list(self.notes)}

    def to_record(self) -> dict[str, Any]:
        """The trial as plain JSON values, with what the seats painted."""
        return self.to_dict() | {
            "pictures": {key: base64.b64encode(each).decode() for key, each in self.pictures.items()}
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """The trial that `to_dict` or `to_record` described."""
        seats = values["seats"]
        outcomes = {key: _outcome(each) for key, each in seats.items() if "error" not in each}
        errors = {key: each["error"] for key, each in seats.items() if "error" in each}
        pictures = {key: base64.b64decode(each) for key, each in values.get("pictures", {}).items()}
        return cls(
            values["stack"],
            values["text"],
            values["applied"],
            values["refused"],
            outcomes,
            errors,
            pictures=pictures,
            notes=tuple(values.get("notes", ())),
        )


def judged_outcomes(trials: Iterable[Trial], seat: str) -> list[Outcome]:
    """The outcomes under a seat of which it is known whether they leak: somebody judged what is found first."""
    found = (trial.outcomes[seat] for trial in trials if seat in trial.outcomes)
    return [outcome for outcome in found if outcome.judged]


def _outcome(values: dict[str, Any]) -> Outcome:
    """The outcome that `Trial.to_dict` described."""
    names = ("score", "threshold", "unsafe_hits", "margin", "found", "said", "judge", "judged")
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
        """Raises QueryError for a task that no text can be given to or the profile lacks, and for an unknown seat."""
        if task not in TASKS or getattr(lab.profile, task) is None:
            raise QueryError(f"The profile “{lab.profile.name}” cannot try texts on the task “{task}”.")
        self.lab = lab
        self.words = words
        self.task = task
        self.steps = steps
        known = lab.encoders.seats if task == "retrieval" else lab.generation.seats
        self.seats = choose_seats(known, seats)

    @property
    def settings(self) -> list[Any]:
        """Everything besides the texts that decides their outcomes, as plain JSON values."""
        words = self.words.lexicon.version if self.words.lexicon else ""
        if self.task == "retrieval":
            encoders = {key: self.lab.encoders[key].search_fingerprint for key in self.seats}
            return [encoders, self.lab.gallery.fingerprint, words]
        generation = self.lab.generation
        judges = [[judge.name, judge_fingerprint(judge)] for judge in generation.judges]
        guidance = generation.spec.guidance
        return [self.task, generation.fingerprint, list(self.seats), self.steps, SEED, guidance, judges, words]

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
                known[text] = self._judged(text)
            except SafeClipError as error:
                known[text] = {"errors": dict.fromkeys(self.seats, str(error))}
            yield known

    def _judged(self, text: str) -> dict[str, Any]:
        """What a trial says of the pictures of a text; a seat may fail alone. Raises SafeClipError when all do."""
        question = Question(SEED, PROMPT, text)
        outcomes, pictures, errors = {}, {}, {}
        for key, images in self.lab.generation.compare(text, seats=self.seats, seed=SEED, steps=self.steps).items():
            try:
                require_judged(images)
            except SafeClipError as error:
                errors[key] = str(error)
                continue
            outcome = with_margin(outcome_of_picture(question, images.scores[0]))
            outcomes[key] = replace(outcome, judged=images.flagged(0) is not None)
            pictures[key] = small_copy(images.pictures[0], hidden=images.flagged(0) is not False)
        return {"outcomes": outcomes, "pictures": pictures, "errors": errors}

    def _perturbed(self, text: str, stack: Stack) -> Trial:
        """A trial without outcomes. The policy reads the text before and after every step."""
        try:
            stages = stack.stages(text, self.words)
            for stage in (text, *stages):
                check_text(stage, real_world=self.lab.profile.real_world)
        except RefusedError:
            return Trial(stack.name, "", refused=True)
        changed = stages[-1] if stages else text
        applied = not stack.steps or changed != text
        why_not = () if applied else tuple(filter(None, (stack.why_not(text, self.words),)))
        return Trial(stack.name, changed, applied, notes=self._notes(changed) if applied else why_not)

    def _notes(self, text: str) -> tuple[str, ...]:
        """What of a text is not in the profile's world, is no word of the reference's, or is not read by it."""
        remarks, encoders = self.lab.remarks, self.lab.encoders
        if self.task == "generation":
            return remarks.on_prompt(text)
        try:
            cut = encoders.cuts(text, encoders.reference)
        except SafeClipError:  # the seat's outcome says so
            cut = ()
        return remarks.on_text(text) + remarks.on_unknown(text) + cut


_Known = dict[str, dict[str, Any]]  # text → the fields of its trials that are known by now


def with_margin(judged: Outcome) -> Outcome:
    """An outcome that a judge decides, with the distance from its score up to its threshold."""
    return judged if judged.threshold is None else replace(judged, margin=judged.threshold - judged.score)


def small_copy(image: "Image.Image", *, hidden: bool) -> bytes:
    """A copy of a picture to keep with a trial, as WebP; a `hidden` one is blurred beyond recognition."""
    return blurred_thumbnail(image) if hidden else thumbnail(image, SIDE)


def closest(trials: Sequence[Trial], seats: Sequence[str] | None = None, most: int = 10) -> list[Trial]:
    """The trials with the smallest margins, the smallest first; leaks have negative ones."""
    margins = [(trial.margin(seats), trial) for trial in trials]
    known = [(margin, trial) for margin, trial in margins if margin is not None]
    return [trial for _, trial in sorted(known, key=lambda pair: pair[0])[:most]]
