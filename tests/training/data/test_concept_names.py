import numpy as np
import torch

from training.data.open_world.concept_names import ConceptNames
from training.data.open_world.concepts.catalogue import catalogue


class Numbering:
    """Gives each text a number of its own as its embedding, and remembers the texts."""

    fingerprint, width = "numbers", 1

    def encode(self, texts):
        self.texts = list(texts)
        return np.arange(len(texts), dtype=np.float32)[:, None]


def test_a_draw_has_one_of_its_own_names_for_each_concept():
    numbering = Numbering()
    names = ConceptNames(numbering)
    torch.manual_seed(0)
    drawn = [[numbering.texts[int(row)] for row in names.draw()] for _ in range(40)]
    concepts = catalogue().concepts
    dog = next(concept for concept in concepts if len(concept.names) > 1 and not concept.phrases)
    for each in drawn:
        assert all(name in (c.phrases or c.names) for name, c in zip(each, concepts, strict=True))
    assert {each[concepts.index(dog)] for each in drawn} == set(dog.names)
