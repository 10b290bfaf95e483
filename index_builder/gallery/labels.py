"""Labels of imported images: from a column or rule of the source, else from judges, else "not judged"."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safeclip.options import shortened

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
_NUMBERS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_COLUMN = "column "  # begins `labelled_by` of an image that a rule labelled
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

        == and != compare numbers where both are some, true and yes being 1 and false and no 0; else texts, in any case
        of letters. Raises BuildError for a value that the rule cannot compare.
        """
        found = metadata.get(self.column)
        if found is None or found == "" or str(found).strip().lower() == "nan":
            return None
        try:
            if not self.comparison:
                return _WORDS[_as_word(found).removesuffix(".0")]  # pandas writes flags with gaps as 1.0
            as_comparable = _as_number_or_text if self.comparison in ("==", "!=") else float
            return _COMPARISONS[self.comparison](as_comparable(found), as_comparable(_unquoted(self.value)))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise BuildError(f"The rule {str(self)!r} cannot be applied to the value {shortened(found)}.") from error


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _as_number_or_text(value: Any) -> float | str:
    word = _as_word(value)
    try:
        return _NUMBERS[word] if word in _NUMBERS else float(word)
    except ValueError:
        return word


def _as_word(value: Any) -> str:
    return str(value).strip().lower()


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
        self._own = str(self._rule) == DEFAULT_COLUMN
        self._judges = tuple(judges)
        self._told = 0  # images that the rule labelled

    @property
    def says_nothing(self) -> bool:
        """Whether the rule has labelled none of the images."""
        return not self._told

    def label(self, images: Sequence[Checked]) -> list[Label]:
        """A label for each of the decoded images."""
        flags = [self._told_by_source(checked.item.metadata) for checked in images]
        unlabelled = [checked.decoded for checked, flag in zip(images, flags, strict=True) if flag is None]
        self._told += len(images) - len(unlabelled)
        judged = iter(self._judge(unlabelled))
        return [next(judged) if flag is None else Label(flag, f"{_COLUMN}{self._rule}") for flag in flags]

    def _told_by_source(self, metadata: Mapping[str, Any]) -> bool | None:
        """What the rule says of a row; None, so that it is judged, where an imported gallery knows no more than judges.

        Such a gallery's `unsafe` is False too where nobody judged, or no judge looked for some harm.
        """
        flag, by = self._rule(metadata), metadata.get("labelled_by")
        decided = by is None or str(by).startswith(_COLUMN)
        return None if self._own and flag is False and not decided else flag

    def _judge(self, images: list[Image.Image]) -> list[Label]:
        if not images or not self._judges:
            return [Label(False, NOT_JUDGED)] * len(images)
        by_image = zip(*(judge.score(images) for judge in self._judges), strict=True)
        names = ", ".join(judge.name for judge in self._judges)
        return [Label(any(score.harmful for score in scores), names, scores) for scores in by_image]
