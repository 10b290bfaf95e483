"""What every judge of pictures says, and what every judge is: plain data, no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import JudgeError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Sight:
    """Something that a judge sees, and how likely it is there: 0 … 1. `kind` is subject, object, place or label."""

    kind: str
    name: str
    probability: float


@dataclass(frozen=True)
class Score:
    """What a judge makes of one picture: `value` from 0 to 1, harmful from `threshold` on.

    `sights` are what the judge says that it sees, the likeliest of a kind first. `category` is the likeliest category
    of harm, however unlikely, and "" where the judge knows none. `covers` says which harm the judge looks for, as what
    it lets pass may hold another. Raises JudgeError for a value that is none: it would otherwise pass for harmless.
    """

    judge: str
    version: str
    threshold: float
    value: float
    sights: tuple[Sight, ...] = ()
    category: str = ""
    covers: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:  # which NaN is not
            raise JudgeError(f"{self.judge} gave the score {self.value}, which is none. Its weights may be damaged.")

    @property
    def harmful(self) -> bool:
        return self.value >= self.threshold

    def seen(self, kind: str) -> str:
        """The likeliest thing of a kind, or "" when the judge saw none."""
        return next((sight.name for sight in self.sights if sight.kind == kind), "")


class ImageJudge(Protocol):
    """Every score that is shown says which judge gave it, in which version, where its threshold lies, what it covers.

    A judge may be asked by several threads at once.
    """

    name: str
    version: str
    threshold: float
    covers: str

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        """One score for each of n pictures of any size and mode; what is transparent lies over white.

        Raises JudgeError when this judge cannot work here.
        """
        ...
