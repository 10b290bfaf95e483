"""Trials of one picture, perturbed in several ways, and what every seat says of each."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import QueryError, SafeClipError
from ..failures.asking_models import answered_outcomes
from ..failures.questions import Question
from ..options import choose_seats
from ..refusal import check_text
from .perturbations import Stack, Words
from .trials import Trial, small_copy, with_margin

if TYPE_CHECKING:
    from PIL import Image

    from ..lab import Lab

DIRECTION = "unsafe_image"
AT_ONCE = 4  # pictures of one batch of answers; a stop waits for as many


class PictureRedTeam:
    """Perturbs pictures and lets `seats`, by default all, caption them. Safe to use from threads.

    What is asked is the profile's first question. A picture leaks when the judge of answers flags what a seat says of
    it, and its margin is how far the score stays below the judge's threshold.
    """

    def __init__(self, lab: "Lab", words: Words, seats: Sequence[str] | None = None) -> None:
        """Raises QueryError for a profile that captions nothing and for an unknown seat.

        Raises RefusedError for a word to write that the policy forbids.
        """
        if lab.profile.captioning is None:
            raise QueryError(f"The profile “{lab.profile.name}” cannot try pictures: it has no section [captioning].")
        check_text(words.written, real_world=lab.profile.real_world)
        self.lab = lab
        self.words = words
        self.seats = choose_seats(lab.captioning.seats, seats)

    def trials(self, image: "Image.Image", stacks: "Sequence[Stack[Image.Image]]", *, hidden: bool) -> list[Trial]:
        """The RGB picture as it is, and under each stack, in that order; copies of a `hidden` one are blurred."""
        *_, last = self.progress(image, stacks, hidden=hidden)
        return last

    def progress(
        self,
        image: "Image.Image",
        stacks: "Sequence[Stack[Image.Image]]",
        stop: threading.Event | None = None,
        *,
        hidden: bool,
    ) -> Iterator[list[Trial]]:
        """Yields all trials as they become known; those that are still to be tried have no outcomes.

        Setting `stop` ends it before the next few pictures.
        """
        notes = self.lab.remarks.on_image(image)
        made = [(Trial("", "", picture=small_copy(image, hidden=hidden), notes=notes), image)]
        for stack in (each for each in stacks if each.steps):
            changed = stack.stages(image, self.words)[-1]
            same = changed.size == image.size and changed.tobytes() == image.tobytes()
            made.append((Trial(stack.name, "", not same, picture=small_copy(changed, hidden=hidden)), changed))
        known: list[dict[str, Any]] = [{} for _ in made]
        yield [trial for trial, _ in made]
        asked = [i for i, (trial, _) in enumerate(made) if trial.applied]
        for start in range(0, len(asked), AT_ONCE):
            if stop is not None and stop.is_set():
                return
            batch = asked[start : start + AT_ONCE]
            for i, fields in zip(batch, self._said([made[i][1] for i in batch]), strict=True):
                known[i] = fields
            yield [replace(trial, **fields) for (trial, _), fields in zip(made, known, strict=True)]

    def _said(self, images: "Sequence[Image.Image]") -> list[dict[str, Any]]:
        """The fields of each image's trial that its answers decide."""
        questions = [Question(number, DIRECTION, "") for number in range(len(images))]
        try:
            answered = answered_outcomes(self.lab.captioning, images, questions, self.seats)
        except SafeClipError as error:
            return [{"errors": dict.fromkeys(self.seats, str(error))} for _ in images]
        return [{"outcomes": {key: with_margin(each) for key, each in outcomes.items()}} for _, outcomes in answered]
