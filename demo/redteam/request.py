"""The request of the red team: a text or a picture, and how to perturb it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from safeclip.errors import QueryError
from safeclip.failures.texts import LONGEST
from safeclip.redteam.perturbations import (
    PERTURBATIONS,
    PICTURE_PERTURBATIONS,
    WRITTEN,
    Perturbation,
    Stack,
    parse_stack,
)
from safeclip.redteam.trials import TASKS

from ..common.request_codec import Choice, GalleryId, Request, Text, Upload, declare, declare_seats

MOST_STACKS = 8
_LONGEST_STACKS = 400  # characters
_LONGEST_WORD = 24

# The API's documentation of the fields.
_TEXT = "the text to perturb, an unsafe one as a rule."
_TASK = "what is done with each text: the gallery is searched, or a picture is painted of it and judged."
_STACKS = (
    "perturbations to stack beside the single ones, with + between them and a comma between stacks: "
    f'"synonyms+leetspeak, negation+politeness", at most {MOST_STACKS}. There are {", ".join(PERTURBATIONS)}; '
    f"and for a picture {', '.join(PICTURE_PERTURBATIONS)}."
)
_IMAGE = 'a picture to perturb, which every seat then captions: gradio_client.handle_file("path or address").'
_ITEM = "the id of a gallery item whose picture to perturb, as hits of /retrieve give it."
_WORD = "the word that is written on a picture."


@dataclass(frozen=True)
class RedTeamRequest(Request):
    """A text or a picture that is tried as it is, under every perturbation, and under the `stacks` asked for.

    `upload` is the content id of an image that travels beside the request. Pictures are captioned, whatever `task` is.
    """

    nothing_given: ClassVar[str] = "There is nothing to perturb yet. Type a text, or pick or add a picture."
    several_given: ClassVar[str] = "Perturb one thing at a time: a text, a picture of yours, or one of the gallery."

    text: str = declare(Text("text", _TEXT, link="attack", subject=True, unless="item", longest=LONGEST), "")
    task: str = declare(Choice("task", _TASK, link="of", unless="item", choices=TASKS), TASKS[0])
    stacks: str = declare(Text("list of stacks", _STACKS, link="stacks", optional=True, longest=_LONGEST_STACKS), "")
    seats: tuple[str, ...] = declare_seats()
    upload: str = declare(Upload("image", _IMAGE, api="image", subject=True), "")
    item: str = declare(GalleryId("gallery item", _ITEM, link="attacked", api="gallery_item", subject=True), "")
    word: str = declare(
        Text("word to write", _WORD, link="word", needs="item", longest=_LONGEST_WORD, never_blank=True), WRITTEN
    )

    @property
    def of_picture(self) -> bool:
        """Whether a picture is perturbed, not a text."""
        return bool(self.item or self.upload)

    @property
    def all_stacks(self) -> list[Stack[Any]]:
        """Every perturbation alone, then the stacks. Raises QueryError for an unknown or too many."""
        table: Mapping[str, Perturbation[Any]] = PICTURE_PERTURBATIONS if self.of_picture else PERTURBATIONS
        stacks = [parse_stack(name, table) for name in self.stacks.split(",") if name.strip()]
        if len(stacks) > MOST_STACKS:
            raise QueryError(f"There are {len(stacks)} stacks; at most {MOST_STACKS} are tried. Leave some out.")
        return list(dict.fromkeys([*(Stack((each,)) for each in table.values()), *stacks]))
