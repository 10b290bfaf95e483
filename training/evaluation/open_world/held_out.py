"""What is asked of every row: held-out quadruplets of each split, and queries in which nothing is unsafe."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from safeclip.hashing import content_id

from ...data.open_world.items import OpenWorld, Pair, Quadruplet
from ...data.open_world.sets.texts import (
    FreeSentence,
    IdentityText,
    free_sentences,
    identity_texts,
    neutral_texts,
)
from ...data.open_world.splits import SPLITS, Phase
from ..free_text import is_relevant
from .painted import Easel, Painted

NEUTRAL_IMAGES = 200
SEEN = "seen"  # the split whose gallery neutral queries search


@dataclass(frozen=True)
class HeldOut:
    """n distinct quadruplets of a split and phase, their texts, and their pictures once they are asked for."""

    quadruplets: list[Quadruplet]
    easel: Easel

    @classmethod
    def draw(cls, split: str, phase: Phase, count: int, easel: Easel) -> "HeldOut":
        """Draws the quadruplets. Raises ValueError when the split holds fewer."""
        return cls(OpenWorld(split, phase).distinct_quadruplets(count), easel)

    def __len__(self) -> int:
        return len(self.quadruplets)

    @property
    def texts(self) -> list[str]:
        return [each.safe_caption.text for each in self.quadruplets]

    @property
    def unsafe_texts(self) -> list[str]:
        return [each.unsafe_caption.text for each in self.quadruplets]

    @cached_property
    def images(self) -> Painted:
        return self.easel.paint([each.safe for each in self.quadruplets])

    @cached_property
    def unsafe_images(self) -> Painted:
        return self.easel.paint([each.unsafe for each in self.quadruplets])

    @property
    def clusters(self) -> list[str]:
        """What makes the harm of each quadruplet."""
        return [each.harm for each in self.quadruplets]


@dataclass(frozen=True)
class Neutral:
    """Queries without harm, and the neutral pictures that stand in the gallery beside the split `seen`."""

    texts: tuple[str, ...]
    identities: tuple[IdentityText, ...]
    sentences: tuple[FreeSentence, ...]
    asked: list[Pair]
    shown: list[Pair]
    easel: Easel

    @classmethod
    def draw(cls, phase: Phase, count: int, easel: Easel) -> "Neutral":
        """Draws `count` pictures of the gallery, and others to ask with: NEUTRAL_IMAGES, but no more than that."""
        images = min(count, NEUTRAL_IMAGES)
        pairs = OpenWorld(SEEN, phase).distinct_neutral(count + images)
        return cls(neutral_texts(), identity_texts(), free_sentences(), pairs[count:], pairs[:count], easel)

    @cached_property
    def images(self) -> Painted:
        return self.easel.paint([pair.scene for pair in self.asked])

    @cached_property
    def gallery(self) -> Painted:
        return self.easel.paint([pair.scene for pair in self.shown])

    @property
    def clusters(self) -> dict[str, list[str]]:
        """Texts count one by one, those that name a person by their group, pictures by their first concept."""
        return {
            "text": list(self.texts),
            "identity": [f"{each.attribute}/{each.group}" for each in self.identities],
            "image": [pair.scene.concepts[0].name for pair in self.asked],
            "sentence": [sentence.text for sentence in self.sentences],
        }


@dataclass(frozen=True)
class HeldOutSets:
    """Everything that one row is asked."""

    splits: dict[str, HeldOut]
    neutral: Neutral

    @classmethod
    def draw(cls, count: int, easel: Easel, phase: Phase = "test") -> "HeldOutSets":
        """Draws `count` quadruplets of each split, and as many neutral pictures for the gallery."""
        splits = {split: HeldOut.draw(split, phase, count, easel) for split in SPLITS}
        return cls(splits, Neutral.draw(phase, count, easel))

    @cached_property
    def key(self) -> str:
        """Names the content, all texts and all scenes, alike in every process: sets are left out, or sorted."""
        asked = [
            (each.texts, each.unsafe_texts, [(one.safe, one.unsafe) for one in each.quadruplets])
            for each in self.splits.values()
        ]
        neutral = self.neutral
        sentences = [(each.text, sorted(each.relevant)) for each in neutral.sentences]
        pairs = [[(pair.scene, pair.caption.text) for pair in side] for side in (neutral.asked, neutral.shown)]
        return content_id(repr((asked, neutral.texts, neutral.identities, sentences, pairs)))

    @cached_property
    def relevant(self) -> np.ndarray:
        """Which pictures of the neutral queries' gallery a free sentence counts as found: bool (sentences, 3 n)."""
        seen = self.splits[SEEN].quadruplets
        scenes = [each.safe for each in seen] + [each.unsafe for each in seen]
        scenes += [pair.scene for pair in self.neutral.shown]
        return is_relevant(self.neutral.sentences, scenes)
