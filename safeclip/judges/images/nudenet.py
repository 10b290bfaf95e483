"""Judge of photographs by NudeNet, a detector of uncovered body parts. Optional.

Its wheel brings the weights. The metadata of the wheel says MIT, the licence files in it say AGPL-3.0: read them before
you put it into service.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..declaration import JudgeDeclaration
from ..domains import PHOTOGRAPHS, SEXUAL
from ..inputs import as_rgb
from ..packages import Package, named_errors
from ..scores import Score, Sight

if TYPE_CHECKING:
    from PIL import Image

PACKAGE = Package("nudenet", "nudenet", "Its metadata says MIT and its licence files say AGPL-3.0; read them first.")

_SIDE = 1280  # px. The detector pads an image to a square, which a narrow one of many pixels must not become as it is

CLASSES = {
    "FEMALE_BREAST_EXPOSED": "uncovered female breast",
    "FEMALE_GENITALIA_EXPOSED": "uncovered female genitalia",
    "MALE_GENITALIA_EXPOSED": "uncovered male genitalia",
    "ANUS_EXPOSED": "uncovered anus",
    "BUTTOCKS_EXPOSED": "uncovered buttocks",
}


class NudeNet:
    """Scores an image by the highest detection of one of `CLASSES`; 0 without any.

    It reports nothing below 0.2, and recall falls fast with the threshold: 0.3 finds more than the usual 0.5.
    """

    name = "NudeNet"
    threshold = 0.3
    covers = "nudity alone"

    def __init__(self) -> None:
        """Loads the detector. Raises JudgeError when the package is missing or cannot load its weights."""
        package = PACKAGE.load()
        with named_errors(f"The weights of {self.name} cannot be loaded"):
            self._detector = package.NudeDetector(providers=["CPUExecutionProvider"])
        self.version = PACKAGE.version

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        return [self._score(image) for image in images]

    def _score(self, image: "Image.Image") -> Score:
        rgb = as_rgb(image)
        rgb.thumbnail((_SIDE, _SIDE))
        bgr = np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])  # as OpenCV reads a file
        with named_errors(f"{self.name} could not judge"):
            found = self._detector.detect(bgr)
        best: dict[str, float] = {}
        for each in found:
            if each["class"] in CLASSES:
                best[each["class"]] = max(best.get(each["class"], 0.0), min(1.0, float(each["score"])))
        ranked = sorted(best.items(), key=lambda item: -item[1])
        sights = tuple(Sight("label", CLASSES[key], value) for key, value in ranked)
        return Score(
            self.name, self.version, self.threshold, max(best.values(), default=0.0), sights, covers=self.covers
        )


JUDGE = JudgeDeclaration(
    "nudenet",
    lambda path, device: NudeNet(),
    package=PACKAGE,
    title=NudeNet.name,
    domain=PHOTOGRAPHS,
    harms=(SEXUAL,),
)
