"""The embedded judge: a classifier of emoji scenes, trained apart from every CLIP."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ...errors import JudgeError, first_line
from ...hashing import checkpoint_hashes, json_sha256
from ...runtime.devices import as_device, place
from ..inputs import as_rgb
from ..scores import Score, Sight
from .scene_classifier import KINDS, SceneClassifier, SceneReading

if TYPE_CHECKING:
    import torch
    from PIL import Image

_AT_ONCE = 64  # pictures


class SceneJudge:
    """The probability that the object of a scene is an unsafe one, and what subject, object and place it sees."""

    name = "scene classifier"
    covers = "the unsafe things of the emoji world"

    def __init__(self, classifier: SceneClassifier, *, version: str) -> None:
        self.version = version
        self.threshold = classifier.config.threshold
        self._classifier = classifier

    @classmethod
    def open(cls, folder: str | Path, *, device: "str | torch.device | None" = None) -> Self:
        """Load the classifier in `folder`. Raises JudgeError when there is none, DeviceError when it finds no room."""
        folder = Path(folder)
        classifier = place(SceneClassifier.from_pretrained(folder), as_device(device))
        return cls(classifier, version=json_sha256(checkpoint_hashes(folder))[:8])

    @property
    def concepts(self) -> frozenset[str]:
        """The names of everything that this judge can see."""
        return frozenset(concept.name for concept in self._classifier.config.concepts)

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        pictures = [as_rgb(image) for image in images]
        parts = [pictures[start : start + _AT_ONCE] for start in range(0, len(pictures), _AT_ONCE)]
        try:
            return [self._score(reading) for part in parts for reading in self._classifier.read(part)]
        except RuntimeError as error:  # torch's: out of memory, a lost device
            raise JudgeError(f"The {self.name} could not judge: {first_line(error)}") from error

    def _score(self, reading: SceneReading) -> Score:
        guesses = ((kind, getattr(reading, kind)) for kind in KINDS)
        return Score(
            self.name,
            self.version,
            self.threshold,
            reading.unsafe,
            tuple(Sight(kind, guess.name, guess.probability) for kind, guess in guesses),
            max(reading.categories, key=reading.categories.__getitem__, default=""),
            self.covers,
        )
