"""A lab that paints, with a judge who says what a test wants."""

import pytest

import safeclip
from tests.fakes.painting import Judge, judged_by


@pytest.fixture(scope="session")
def judged_lab(painting_lab) -> "safeclip.Lab":
    """`painting_lab` with a `Judge` instead of opennsfw, who finds nothing harmful."""
    return judged_by(Judge(), painting_lab)
