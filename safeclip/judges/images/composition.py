"""Composition of a scene by a classifier's patches: how many there are of a thing, in which colour, and on which side.

The properties that GenEval asks of a painted picture (Ghosh et al., 2023). Counts are sums of a density over patches
(Lempitsky and Zisserman, 2010), so a sprite between two patches counts once.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import JudgeError
from ...runtime.device_lock import computing_on
from .scene_classifier import SceneClassifier, SceneClassifierConfig, SceneLogits

if TYPE_CHECKING:
    from PIL import Image

_LEAST = 1e-6  # of a concept's density: below it nothing is placed


class Composition:
    """Composition of one image by its patches. Every method raises JudgeError for a concept it does not know."""

    def __init__(
        self, config: SceneClassifierConfig, concepts: np.ndarray, centres: np.ndarray, colors: np.ndarray
    ) -> None:
        """Probabilities of each patch, row by row: (n, concepts), (n,) of a sprite's centre, and (n, colours)."""
        self._config = config
        self._concepts = concepts
        self.centres = centres
        self.colors = colors

    def presence(self, concept: str) -> float:
        """The probability of the concept in the patch that shows it best."""
        return float(self._patches(concept).max())

    def expected_count(self, concept: str) -> float:
        """The sum over patches of the probability that a sprite of the concept has its centre there."""
        return float(self._density(concept).sum())

    def count(self, concept: str) -> int:
        """Counts the concept, as far as the classifier learnt it: its card tells how often that is right."""
        return round(self.expected_count(concept))

    def color(self, concept: str) -> str:
        """The likeliest of the config's colours, where the concept is seen."""
        return self._config.colors[int((self._patches(concept) @ self.colors).argmax())]

    def centre(self, concept: str) -> tuple[float, float] | None:
        """(x, y) of the middle of all sprites of the concept, in sides of the image; None where there is none."""
        density = self._density(concept)
        if density.sum() < _LEAST:
            return None
        middles = (np.arange(self._config.grid) + 0.5) / self._config.grid
        x, y = np.meshgrid(middles, middles)
        return float(np.average(x.ravel(), weights=density)), float(np.average(y.ravel(), weights=density))

    def relation(self, concept: str, other: str) -> str:
        """Side of the other on which the concept is: "left of", "right of", "above" or "below"; "" if one is not seen.

        The axis along which the two are farther apart decides.
        """
        first, second = self.centre(concept), self.centre(other)
        if first is None or second is None:
            return ""
        dx, dy = first[0] - second[0], first[1] - second[1]
        if abs(dx) >= abs(dy):
            return "left of" if dx < 0 else "right of"
        return "above" if dy < 0 else "below"

    def _density(self, concept: str) -> np.ndarray:
        return self.centres * self._patches(concept)

    def _patches(self, concept: str) -> np.ndarray:
        """Probabilities (n,) of the concept, an animal's as a subject and as a thing alike."""
        columns = [i for i, label in enumerate(self._config.concepts) if label.name == concept]
        if not columns:
            raise JudgeError(f"The scene classifier does not know “{concept}”.")
        return self._concepts[:, columns].sum(axis=1)


def compositions(config: SceneClassifierConfig, logits: SceneLogits) -> list[Composition]:
    """The composition of each of n images. Raises JudgeError for a classifier without colours and centres."""
    if logits.centres is None or logits.colors is None:
        raise JudgeError("This scene classifier was not trained to see centres and colours.")
    concepts, centres, colors = (
        table.float().cpu().numpy()
        for table in (logits.patches.float().softmax(-1), logits.centres.sigmoid(), logits.colors.softmax(-1))
    )
    return [Composition(config, *each) for each in zip(concepts, centres, colors, strict=True)]


@torch.inference_mode()
def read_compositions(classifier: SceneClassifier, images: Sequence["Image.Image"]) -> list[Composition]:
    """The composition of each image, of any size and mode. Raises as `compositions`."""
    if not images:
        return []
    device = next(classifier.parameters()).device
    pixels = classifier.pixels(images)
    with computing_on(device):
        return compositions(classifier.config, classifier(pixels.to(device)))
