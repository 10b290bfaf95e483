"""Judges of pictures: is what is shown harmful, how sure is the judge, and what does it see."""

from .opening import open_judge
from .scores import ImageJudge, Score, Sight

__all__ = ["ImageJudge", "Score", "Sight", "open_judge"]
