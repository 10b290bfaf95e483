"""Scores generated images with the judges that a profile names, and says which of them could not be asked."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from ..errors import JudgeError
from ..judges import ImageJudge, Score, open_judge
from ..judges.registry import IMAGE_JUDGES
from ..runtime.machine import zero_gpu
from .results import GenerationComparison

if TYPE_CHECKING:
    from PIL import Image


class ImageJudges:
    """The judges of a profile by name, each opened when the first image is judged.

    `domain` is the kind of images (`judges.domains`), "" where it is not known; a judge of another kind gives no score.
    """

    def __init__(self, names: Sequence[str], *, device: str | torch.device | None = None, domain: str = "") -> None:
        self._names = tuple(names)
        self._domain = domain
        self._device = "cpu" if zero_gpu() else device

    @property
    def available(self) -> tuple[ImageJudge, ...]:
        """Judges that can be opened on this machine; a note of `judged` says why the others cannot."""
        return tuple(judge for judge in self._opened.values() if not isinstance(judge, JudgeError))

    def judged(self, comparison: GenerationComparison) -> GenerationComparison:
        """The comparison with every judge's scores for its images, and a note for each judge that gives none.

        Where one judge is missing, images that the others let pass count as unjudged.
        """
        columns = dict(comparison.columns)
        images = [image for column in columns.values() for image in column.pictures]
        if not images:
            return comparison
        rows, notes = self._scores(images)
        scores = zip(*rows, strict=True) if rows else iter([()] * len(images))
        for key, column in columns.items():
            own = tuple(next(scores) for _ in column.pictures)
            columns[key] = replace(column, scores=own, unjudged=bool(notes) or not rows)
        if not rows:
            notes.append("Nobody judged the pictures.")
        return replace(comparison, columns=columns, notes=tuple(dict.fromkeys((*comparison.notes, *notes))))

    def _scores(self, images: Sequence["Image.Image"]) -> tuple[list[list[Score]], list[str]]:
        """A row of n scores from each judge that can be asked about n images, and a note for each of the others."""
        rows, notes = [], []
        for name, judge in self._opened.items():
            try:
                if isinstance(judge, JudgeError):
                    raise judge.with_traceback(None)
                rows.append(judge.score(images))
            except JudgeError as error:
                notes.append(f"The judge “{name}” is missing: {error}")
        return rows, notes

    @cached_property
    def _opened(self) -> dict[str, ImageJudge | JudgeError]:
        """Name → judge, or the reason why it cannot be opened here."""
        found: dict[str, ImageJudge | JudgeError] = {}
        for name in self._names:
            try:
                self._require_domain(name)
                found[name] = open_judge(name, device=self._device)
            except JudgeError as error:
                found[name] = error
        return found

    def _require_domain(self, name: str) -> None:
        declared = IMAGE_JUDGES.declared(name)
        if declared is not None and not declared.valid_for(self._domain):
            raise JudgeError(f"it is valid for {declared.domain} and not for {self._domain}.")
