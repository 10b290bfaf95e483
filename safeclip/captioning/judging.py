"""Judges what the seats say about an image: harmful or not, and which concepts an answer names."""

from dataclasses import replace
from functools import cached_property

import torch

from ..errors import JudgeError
from ..judges import TextJudge, open_text_judge
from ..judges.texts.lexicon import Mention
from .results import CaptionComparison, JudgedBy


class AnswerJudge:
    """The text judge that a profile names, opened when the first answer is judged."""

    def __init__(self, name: str, *, device: str | torch.device | None = None) -> None:
        self._name = name
        self._device = device

    @cached_property
    def judge(self) -> TextJudge:
        """Raises JudgeError when it cannot be opened."""
        return open_text_judge(self._name, device=self._device)

    def mentions(self, text: str, *, complete: bool) -> tuple[Mention, ...]:
        """Concepts that a text names, without those at the end of a text that is still being written."""
        try:
            found = self.judge.mentions(text)
        except JudgeError:  # `judged` adds a note about it
            return ()
        return tuple(mention for mention in found if complete or mention.end < len(text))

    def judged(self, comparison: CaptionComparison) -> CaptionComparison:
        """The finished comparison with a score and mentions for each answer, or a note of why there are none."""
        try:
            judge = self.judge
            verdicts = {key: judge.judge(a.text) for key, a in comparison.answers.items() if a.error is None}
        except JudgeError as error:
            return replace(comparison, notes=(*comparison.notes, f"Nobody judged the answers: {error}"), done=True)
        answers = {
            key: replace(answer, mentions=verdicts[key].mentions, score=verdicts[key].score)
            if key in verdicts
            else answer
            for key, answer in comparison.answers.items()
        }
        judged_by = JudgedBy(judge.name, judge.version, judge.threshold, judge.marks_words)
        return replace(comparison, answers=answers, judge=judged_by, done=True)
