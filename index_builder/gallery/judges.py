"""Opens the judges of an import: those that were asked for, or else those of the profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from safeclip.errors import JudgeError
from safeclip.judges.registry import IMAGE_JUDGES
from safeclip.profiles import load_profile

if TYPE_CHECKING:
    from safeclip.judges.scores import ImageJudge

NO_JUDGES = "none"


def open_judges(
    names: Sequence[str], profile: str, log: Callable[[str], None], device: str | None = None
) -> list[ImageJudge]:
    """The judges of these names; without names those with which the profile judges generated images.

    ("none",) opens none. Raises JudgeError for a judge that was asked for and cannot work here. One of the profile
    that cannot is logged and left out: the images are then kept as not judged.
    """
    if tuple(names) == (NO_JUDGES,):
        return []
    if names:
        return [IMAGE_JUDGES.open(name, device=device) for name in names]
    generation = load_profile(profile).generation
    judges = []
    for name in generation.judges if generation else ():
        try:
            judges.append(IMAGE_JUDGES.open(name, device=device))
        except JudgeError as error:
            log(f"The profile's judge {name} cannot be used: {error}")
    return judges
