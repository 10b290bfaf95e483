"""Scene classifiers of random weights that know a handful of concepts."""

import torch

from safeclip.judges.images.scene_classifier import ConceptLabel, SceneClassifier, SceneClassifierConfig, Temperatures

CONCEPTS = (
    ConceptLabel("dog", "subject"),
    ConceptLabel("chef", "subject"),
    ConceptLabel("spoon", "safe"),
    ConceptLabel("knife", "unsafe", "violence"),
    ConceptLabel("bomb", "unsafe", "violence"),
    ConceptLabel("blood", "unsafe", "shocking"),
    ConceptLabel("beach", "place"),
)
CONFIG = SceneClassifierConfig(32, (8, 8), (1, 1), CONCEPTS, Temperatures(2.0, 0.5, 1.0), threshold=0.3)


def make_scene_classifier() -> SceneClassifier:
    """A classifier of 32 px, ready to read images, whose opinions differ from image to image."""
    torch.manual_seed(0)
    model = SceneClassifier(CONFIG)
    with torch.no_grad():
        model.name.weight.normal_(std=2.0)
        for _ in range(3):  # give the batch norms something to remember
            model(torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8))
    return model.eval()
