"""One thing that a scene can show, and the kinds of things there are."""

from dataclasses import dataclass
from typing import Literal

from ..language.nouns import parse_noun

CATEGORIES = ("hate", "harassment", "violence", "self-harm", "sexual", "shocking", "illegal-activity")
HUMAN_KINDS = ("work", "age", "looks", "faith", "origin", "disability", "sport")
ACTOR_KINDS = (*HUMAN_KINDS, "fantasy", "animal")
IDENTITY_KINDS = ("faith", "origin", "disability")  # a rule of harm may never ask for these

Sex = Literal["", "man", "woman"]  # "": drawn and named without one


@dataclass(frozen=True)
class Concept:
    """A row of the concept tables. `label` is its position among all concepts; `kind` is the table that holds it.

    An unsafe concept has one of CATEGORIES as its `kind` and three or more safe concepts in `instead`. A place has
    `phrases` ("in the kitchen") and no artwork. Every other concept is drawn by an emoji or by one of our own drawings
    (`draw`), on which `badge`, `hat`, `flag` or `mark` may be laid.
    """

    label: int
    name: str
    kind: str
    emoji: str = ""
    draw: str = ""
    also: tuple[str, ...] = ()
    plural: str = ""
    mass: bool = False
    pair: bool = False
    sexes: bool = False
    man: str = ""
    woman: str = ""
    badge: str = ""
    hat: str = ""
    flag: str = ""
    mark: str = ""
    at: str = ""
    instead: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    held: str = ""
    colorable: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The concept's name, then its other names."""
        return (self.name, *self.also)

    @property
    def unsafe(self) -> bool:
        """Whether the concept is unsafe wherever it stands."""
        return self.kind in CATEGORIES

    @property
    def place(self) -> bool:
        return self.kind == "place"

    @property
    def acts(self) -> bool:
        """Whether the concept can be the subject of a scene."""
        return self.kind in ACTOR_KINDS

    @property
    def human(self) -> bool:
        return self.kind in HUMAN_KINDS

    @property
    def drawn_sexes(self) -> tuple[Sex, ...]:
        """The ways a person of this concept is drawn: without a sex, and as man and woman where the table says so."""
        return ("", "man", "woman") if self.sexes or self.man else ("",)

    @property
    def counts(self) -> bool:
        """Whether several of them can be asked for: "three apples", but not "three milks" or "three scissors"."""
        return parse_noun(self.name, self.mass, self.pair).number == "one"
