"""Labels of imported images: from a column or rule of the source, else from judges, else "not judged"."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BuildError
from .checking import Checked
from .schema import NOT_JUDGED

if TYPE_CHECKING:
    from PIL import Image

    from safeclip.judges.scores import ImageJudge, Score

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_RULE = re.compile(r"\s*([^\s=!<>]+)\s*(?:(==|!=|>=|<=|>|<)\s*(.+?)\s*)?")
_WORDS = {"true": True, "1": True, "yes": True, "unsafe": True, "nsfw": True} | {
    "false": False,
    "0": False,
    "no": False,
    "safe": False,
    "": None,
}
DEFAULT_COLUMN = "unsafe"


@dataclass(frozen=True)
class LabelRule:
    """A rule on one column of the source: the column is true, or compares with `value` as `comparison` says."""

    column: str
    comparison: str = ""
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> LabelRule:
        """Reads `COLUMN` or `COLUMN OP VALUE`, OP one of == != >= <= > <. Raises BuildError."""
        match = _RULE.fullmatch(text)
        if match is None:
            raise BuildError(f"The rule {text!r} is neither a column nor like 'nsfw >= 0.5' (== != >= <= > <).")
        column, comparison, value = match.groups()
        return cls(column, comparison or "", value or "")

    def __str__(self) -> str:
        return f"{self.column} {self.comparison} {self.value}".rstrip()

    def __call__(self, metadata: Mapping[str, Any]) -> bool | None:
        """Whether the row is unsafe; None where the column is missing, empty or NaN, so that the row stays unlabelled.

        Raises BuildError for a value that the rule cannot compare.
        """
        found = metadata.get(self.column)
        if found is None or found == "":
            return None
        try:
            if not self.comparison:
                return _as_flag(found)
            numbers = self.comparison not in ("==", "!=") or type(found) in (int, float)
            if numbers and math.isnan(float(found)):
                return None
            as_comparable = float if numbers else lambda value: str(value).lower()
            return _COMPARISONS[self.comparison](as_comparable(found), as_comparable(self.value))
        except (KeyError, ValueError) as error:
            raise BuildError(f"The rule {str(self)!r} cannot be applied to the value {found!r}.") from error


def _as_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _WORDS[str(value).strip().lower()]


@dataclass(frozen=True)
class Label:
    """Whether an image is unsafe, and who says so: the rule, or the judges with their scores.

    `labelled_by` is `NOT_JUDGED` when nobody did. `unsafe` is False then, but the image must not be called safe.
    """

    unsafe: bool
    labelled_by: str
    scores: tuple[Score, ...] = ()


class Labeller:
    """Labels images by a rule on the source's columns; those that it says nothing of by `judges`, when there are any.

    An image is unsafe when any judge finds it harmful.
    """

    def __init__(self, rule: str = "", judges: Sequence[ImageJudge] = ()):
        """Without a `rule` the source's column "unsafe" decides, where it has one. Raises BuildError."""
        self._rule = LabelRule.parse(rule or DEFAULT_COLUMN)
        self._judges = tuple(judges)
        self._told = 0  # images that the rule labelled

    @property
    def says_nothing(self) -> bool:
        """Whether the rule has labelled none of the images."""
        return not self._told

    def label(self, images: Sequence[Checked]) -> list[Label]:
        """A label for each of the decoded images."""
        flags = [self._rule(checked.item.metadata) for checked in images]
        unlabelled = [checked.image for checked, flag in zip(images, flags, strict=True) if flag is None]
        self._told += len(images) - len(unlabelled)
        judged = iter(self._judge(unlabelled))
        return [next(judged) if flag is None else Label(flag, f"column {self._rule}") for flag in flags]

    def _judge(self, images: list[Image.Image]) -> list[Label]:
        if not images or not self._judges:
            return [Label(False, NOT_JUDGED)] * len(images)
        by_image = zip(*(judge.score(images) for judge in self._judges), strict=True)
        names = ", ".join(judge.name for judge in self._judges)
        return [Label(any(score.harmful for score in scores), names, scores) for scores in by_image]
