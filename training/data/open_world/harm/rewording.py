"""Training quadruplets whose unsafe captions call an unsafe thing by other words of harm, now and then."""

import random
from dataclasses import dataclass
from pathlib import Path

from ...language.wordnet import WordNet
from ..items import OpenWorld, Quadruplet
from ..splits import splits
from .vocabulary import Vocabulary, harmful_words


@dataclass(frozen=True)
class Siblings:
    """The training quadruplets of a world. `share` of those of unsafe concepts have a word of `words` in their caption.

    The picture stays: what a caption calls harm is drawn to the safe twin, whatever harm it is.
    """

    world: OpenWorld
    share: float = 0.0
    words: Vocabulary | None = None

    @classmethod
    def of(cls, world: OpenWorld, share: float, language: Path) -> "Siblings":
        """Fetches WordNet below `language` where a share needs its words."""
        return cls(world, share, harmful_words(WordNet.fetch(language), splits()) if share else None)

    def quadruplet(self, index: int) -> Quadruplet:
        """The sibling of an index, reworded or not: the same for the same world and share."""
        quadruplet = self.world.sibling(index)
        rng = random.Random(f"{self.world.seed}/reworded/{index}")
        if self.words is None or quadruplet.kind != "concept" or rng.random() >= self.share:
            return quadruplet
        return self.world.reworded(index, rng.choice(self.words[quadruplet.category]))
