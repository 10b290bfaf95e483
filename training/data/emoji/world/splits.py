"""Which combinations of subject and object may be trained on.

The split is by (subject, family of objects): an unsafe object, its safe counterparts and theirs are one family, so that
both sides of a quadruplet fall into the same split and neither combination of a test quadruplet occurs in training.
"""

import hashlib
from functools import cached_property

from .concepts import Concept, World

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 0.05
TEST_SHARE = 0.15


class Splits:
    """The split of every (subject, object) combination of a world; fixed by the concepts' names alone."""

    def __init__(self, world: World):
        self.world = world

    @cached_property
    def family(self) -> dict[int, str]:
        """Object label → the name that stands for its family (the first by label)."""
        parent = {concept.label: concept.label for concept in self.world.objects}

        def root(label: int) -> int:
            while parent[label] != label:
                label = parent[label]
            return label

        for unsafe in self.world.unsafe_objects:
            for safe in self.world.counterparts(unsafe):
                first, second = sorted((root(unsafe.label), root(safe.label)))
                parent[second] = first
        return {label: self.world.concepts[root(label)].name for label in parent}

    def of(self, subject: Concept, thing: Concept) -> str:
        """The split that the combination belongs to."""
        digest = hashlib.sha256(f"{subject.name}/{self.family[thing.label]}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        if share < TEST_SHARE:
            return "test"
        return "validation" if share < TEST_SHARE + VALIDATION_SHARE else "train"

    def subjects_for(self, thing: Concept, split: str) -> tuple[Concept, ...]:
        """The subjects that an object may be seen with in a split; may be empty."""
        return self._subjects[split, thing.label]

    @cached_property
    def _subjects(self) -> dict[tuple[str, int], tuple[Concept, ...]]:
        return {
            (split, thing.label): tuple(s for s in self.world.subjects if self.of(s, thing) == split)
            for split in SPLITS
            for thing in self.world.objects
        }
