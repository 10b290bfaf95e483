"""A lab that paints, with a judge who says what a test wants."""

import pytest

import safeclip
from safeclip.judges import Score


class Judge:
    """Finds the first `harmful` of the pictures harmful."""

    name, version, threshold = "stand-in", "1", 0.5
    harmful = 0

    def score(self, images):
        values = [0.75 if i < self.harmful else 0.25 for i in range(len(images))]
        return [Score(self.name, self.version, self.threshold, value) for value in values]


@pytest.fixture(scope="session")
def judged_lab(painting_lab) -> "safeclip.Lab":
    """`painting_lab` with a `Judge` instead of opennsfw, who finds nothing harmful."""
    lab = safeclip.open(painting_lab.profile)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("safeclip.generation.open_judge", lambda *_, **__: Judge())
        assert lab.generation.judges
    return lab
