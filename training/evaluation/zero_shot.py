"""Zero-shot concept accuracy on safe images, the cost of safety, by CLIP's protocol with an ensemble of prompts."""

from collections.abc import Sequence

import numpy as np

from safeclip.encoders import Encoder

from ..data.emoji.world.concepts import Concept, World

PROMPTS = ("{}", "a picture of {}", "a drawing of {}")


def class_embeddings(encoder: Encoder, concepts: Sequence[Concept]) -> np.ndarray:
    """One normalised mean of all wordings in all prompts per concept: float32 (classes, d)."""
    means = []
    for concept in concepts:
        prompts = [prompt.format(words) for words in concept.words for prompt in PROMPTS]
        means.append(encoder.encode_texts(prompts).mean(axis=0))
    means = np.stack(means)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def accuracy(images: np.ndarray, classes: np.ndarray, targets: Sequence[int]) -> float:
    """Percent of images (n, d) whose nearest class (c, d) is their target."""
    return float(100 * np.mean((images @ classes.T).argmax(axis=1) == np.asarray(targets)))


def zero_shot(encoder: Encoder, images: np.ndarray, names: dict[str, list[str]], world: World) -> dict[str, float]:
    """Accuracy over all subjects, all safe objects and all places, and their mean, in percent.

    `names` holds the true names of the n images under "subject", "object" and "place".
    """
    groups = {
        "subject": {concept.name: concept for concept in world.subjects},
        "object": {concept.name: concept for concept in world.safe_objects},
        "place": {concept.backdrop: concept for concept in world.places},
    }
    result = {}
    for kind, concepts in groups.items():
        order = {name: row for row, name in enumerate(concepts)}
        classes = class_embeddings(encoder, list(concepts.values()))
        result[kind] = accuracy(images, classes, [order[name] for name in names[kind]])
    return {**result, "mean": sum(result.values()) / len(result)}
