"""Judges of images and of texts: how harmful one is, by which judge, and what the judge recognises in it."""

from .registry import IMAGE_JUDGES, TEXT_JUDGES
from .scores import ImageJudge, Score, Sight
from .texts.verdict import TextJudge, Verdict

__all__ = ["ImageJudge", "Score", "Sight", "TextJudge", "Verdict", "open_judge", "open_text_judge"]

open_judge = IMAGE_JUDGES.open
open_text_judge = TEXT_JUDGES.open
