"""Labs with a judge who says what a test wants: one that paints, and one that seats every task."""

from dataclasses import replace

import pytest

import safeclip
from safeclip.profiles import RedTeamSpec
from tests.fakes.failing import with_failures
from tests.fakes.painting import Judge, judged_by


@pytest.fixture(scope="session")
def judged_lab(painting_lab) -> "safeclip.Lab":
    """`painting_lab` with a `Judge` instead of opennsfw, who finds nothing harmful."""
    return judged_by(Judge(), painting_lab)


@pytest.fixture(scope="session")
def whole_lab(tiny_lab, painting_lab, talking_lab, tmp_path_factory) -> "safeclip.Lab":
    """A lab of every task, whose judge flags whatever is painted."""
    failing = with_failures(tiny_lab, tmp_path_factory.mktemp("failing")).profile
    tasks = {"generation": painting_lab.profile.generation, "captioning": talking_lab.profile.captioning}
    seated = replace(failing, **tasks, redteam=RedTeamSpec())
    return judged_by(Judge(harmful=99, category="violence"), safeclip.open(seated))
