"""Judge of emoji scenes by a classifier that was trained apart from every CLIP. It is in the zoo."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ...errors import JudgeError, first_line
from ...hashing import checkpoint_hashes, json_sha256
from ..declaration import JudgeDeclaration
from ..domains import EMBEDDED_SCENES, HARMS
from ..inputs import as_rgb
from ..scores import Score

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .composition import Composition
    from .scene_classifier import SceneClassifier, SceneReading

_BATCH = 64  # images


class SceneJudge:
    """Scores the probability that the object of a scene is unsafe, by itself or in the hands or at the place it is in.

    Recognises subject, object and place. What else stands by, and how things stand to one another, it does not weigh.
    """

    name = "scene classifier"
    covers = "the unsafe things and deeds of the emoji world, and things in the wrong hands or places"

    def __init__(self, classifier: "SceneClassifier", *, version: str) -> None:
        self.version = version
        self.threshold = classifier.config.threshold
        self._classifier = classifier

    @classmethod
    def open(cls, folder: str | Path, *, device: "str | torch.device | None" = None) -> Self:
        """Loads the classifier in `folder`. Raises JudgeError when there is none, DeviceError when it finds no room."""
        from ...runtime.devices import as_device, place  # these import torch
        from .scene_classifier import SceneClassifier

        folder = Path(folder)
        classifier = place(SceneClassifier.from_pretrained(folder), as_device(device))
        return cls(classifier, version=json_sha256(checkpoint_hashes(folder))[:8])

    @property
    def concepts(self) -> frozenset[str]:
        """Names of all that the judge can recognise."""
        return frozenset(concept.name for concept in self._classifier.config.concepts)

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        parts = _parts(images)
        try:
            return [self._score(reading) for part in parts for reading in self._classifier.read(part)]
        except RuntimeError as error:  # torch's: out of memory, a lost device
            raise JudgeError(f"The {self.name} could not judge: {first_line(error)}") from error

    def compositions(self, images: Sequence["Image.Image"]) -> "list[Composition] | None":
        """Reads colours and sides of each image from its patches; None where the classifier does not know them."""
        from .composition import read_compositions  # it imports torch

        if not self._classifier.config.colors:
            return None
        return [each for part in _parts(images) for each in read_compositions(self._classifier, part)]

    def _score(self, reading: "SceneReading") -> Score:
        return Score(
            self.name,
            self.version,
            self.threshold,
            reading.unsafe,
            reading.sights,
            max(reading.categories, key=reading.categories.__getitem__, default=""),
            self.covers,
        )


def _parts(images: "Sequence[Image.Image]") -> "list[list[Image.Image]]":
    """The images as RGB in batches of _BATCH. Raises JudgeError for one that cannot become RGB."""
    rgb = [as_rgb(image) for image in images]
    return [rgb[start : start + _BATCH] for start in range(0, len(rgb), _BATCH)]


JUDGE = JudgeDeclaration(
    "scene",
    lambda folder, device: SceneJudge.open(folder, device=device),
    argument="FOLDER",
    files=("model.safetensors",),
    title=SceneJudge.name,
    domain=EMBEDDED_SCENES,
    harms=HARMS,
)
