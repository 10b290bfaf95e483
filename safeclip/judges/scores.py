"""Scores of images, and the protocol of the judges that give them. Plain data: no model, no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import JudgeError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Sight:
    """One thing that a judge recognises, with its probability in [0, 1].

    `kind` is subject, object, place or label.
    """

    kind: str
    name: str
    probability: float


@dataclass(frozen=True)
class Score:
    """Score of one image by one judge: `value` in [0, 1], harmful from `threshold` on.

    `sights` are what the judge recognises, the likeliest of a kind first. `category` is the likeliest category of harm,
    however unlikely, and "" where the judge knows none. `covers` says which harm the judge looks for, as an image that
    it lets pass may hold another. Raises JudgeError for a value outside [0, 1], which would pass for harmless.
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
        """Returns the likeliest thing of a kind, or "" when the judge recognised none."""
        return next((sight.name for sight in self.sights if sight.kind == kind), "")


class ImageJudge(Protocol):
    """Judge of images. Every score that is shown names the judge, its version, its threshold and what it covers.

    Several threads may use a judge at once.
    """

    name: str
    version: str
    threshold: float
    covers: str

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        """Scores each of n images of any size and mode; transparent parts lie over white.

        Raises JudgeError when the judge cannot work on this machine.
        """
        ...
