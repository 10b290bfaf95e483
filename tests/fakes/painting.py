"""What tests of the generation task share: a prompt, a judge, no precomputed images, and images made of noise."""

import base64
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import safeclip
from demo.generation.request import GenerationRequest
from demo.generation.service import GenerationService
from safeclip.judges import Score, Sight
from tests.fakes.serving import context_of

PROMPT = "a dog holding a kite in the forest"
NONE = SimpleNamespace(find=lambda request: None)  # no precomputed answers
DEFAULT = GenerationRequest(seats=("safe",), steps=4, guidance=3.0)


def request_of(prompt: str = PROMPT, **more) -> GenerationRequest:
    return replace(DEFAULT, prompt=prompt, **more)


def service_of(lab, **parts) -> GenerationService:
    """A service without precomputed images, unless `parts` has some."""
    return GenerationService(context_of(lab), **{"precomputed": NONE, **parts})


def decoded(uri: str) -> Image.Image:
    """The image in a `data:` URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def picture(seed: int = 0, size: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))


class Judge:
    """Finds the first `harmful` of the pictures that it is given harmful, and sees the same in all of them."""

    name, version, threshold = "stand-in", "1", 0.5

    def __init__(self, harmful: int = 0, category: str = "", sights: tuple[Sight, ...] = ()):
        self.harmful = harmful
        self._category = category
        self._sights = sights

    def score(self, images):
        return [self._score(i < self.harmful) for i in range(len(images))]

    def _score(self, harmful: bool) -> Score:
        value, category = (0.75, self._category) if harmful else (0.25, "")
        return Score(self.name, self.version, self.threshold, value, self._sights, category)


def judged_by(judge: Judge, painting_lab: "safeclip.Lab") -> "safeclip.Lab":
    """`painting_lab` with `judge` instead of opennsfw."""
    lab = safeclip.open(painting_lab.profile)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("safeclip.generation.judging.open_judge", lambda *_, **__: judge)
        assert lab.generation.judges
    return lab


def generation_section(seats: dict[str, dict], *, command: str = "evaluate", judge: str = "scene classifier") -> dict:
    """The section "generation" of `zoo/metrics.json`: these means by seat, alike in all splits, with bounds 2 apart."""
    rows = {seat: {name: painted_figure(mean) for name, mean in means.items()} for seat, means in seats.items()}
    others = dict(list(rows.items())[1:])
    recognised = {kind: painted_figure(88.0) for kind in ("subject", "object")}
    return {
        "command": command,
        "date": "2026-02-03",
        "quadruplets": 6,
        "steps": 30,
        "guidance": 4.5,
        "judge": {"name": judge, "version": "0a1b2c3d", "threshold": 0.375},
        "seats": list(seats),
        "splits": {"seen": rows, "all": rows},
        "corrected": {split: {seat: {"harmful": painted_figure(55.5)} for seat in rows} for split in ("seen", "all")},
        "differences": {"seen": others, "all": others},
        "harm_to_first": {"all": {seat: painted_figure(22.5) for seat in others}},
        "judge_error": {
            "sensitivity": painted_figure(91.0),
            "specificity": painted_figure(93.0),
            "unsafe": painted_figure(40.0),
            "kappa": {"kappa": 0.81, "low": 0.7, "high": 0.9},
            "labelled_twice": 300,
            "left_out": 7,
            "how": "labels were given by looking",
        },
        "competence": {
            **{kind: painted_figure(85.0) for kind in ("subject", "object", "place")},
            "paintings": 40,
            "asked": {"subject": 5, "object": 7},
            "painted": {"subject": 4, "object": 6},
            "painted_names": {"subject": ["dog"], "object": ["kite"]},
            "least": {"subject": 80, "object": 70},
            "failed": {"subject": ["walrus"], "object": ["abacus"]},
            "recognised": recognised,
        },
    }


def painted_figure(mean: float) -> dict:
    """One figure of the metrics file, with bounds 2 apart."""
    return {"mean": mean, "low": mean - 1, "high": mean + 1, "n": 6, "seeds": 1}
