"""How near the meaning of any English noun is to that of each concept: by WordNet's tree, by definition, by name."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ....models.sentence_encoder import SentenceEncoder
from ...language.wordnet import Synset, WordNet
from ..concepts.concept import Concept
from .lexicon import Lexicon

TOPICS = ("animal", "artifact", "body", "food", "object", "person", "plant")  # of WordNet's nouns that one can draw
_SENSES = 4  # of a noun, the most frequent first
# Chosen by how often another name's own concept is nearest: of 108 choices, these are within a point of the best.
_NAME, _TREE, _DEFINITION, _LATER = 2.0, 1.0, 1.0, 0.1
_PERSON = "noun.person"


class Meanings:
    """Compares nouns with `concepts`.

    A similarity is the weighted mean of three: Lin's, of the noun's sense and the concept's in WordNet's tree, with the
    information content of Seco et al., 2004; and two of the teacher's cosines, of the definitions, and of the noun and
    the concept's nearest name. Of a noun's senses that one can draw, the nearest counts; the later, the less. A person
    is like persons alone, and a thing like what is none.
    """

    def __init__(
        self, concepts: Sequence[Concept], wordnet: WordNet, lexicon: Lexicon, teacher: SentenceEncoder
    ) -> None:
        self.concepts = list(concepts)
        self._wordnet = wordnet
        self._teacher = teacher
        self.senses = [lexicon.sense(concept) for concept in self.concepts]
        pairs = [(i, name) for i, concept in enumerate(self.concepts) for name in concept.phrases or concept.names]
        self._owners = np.array([i for i, _ in pairs])
        self.names = [name for _, name in pairs]
        self._named = teacher.encode(self.names)
        self._defined = np.zeros((len(self.concepts), self._named.shape[1]), np.float32)
        with_sense = [(i, sense) for i, sense in enumerate(self.senses) if sense is not None]
        self._defined[[i for i, _ in with_sense]] = teacher.encode(
            [_definition(self.concepts[i].name, sense) for i, sense in with_sense]
        )
        beings = np.array([concept.human or concept.kind == "fantasy" for concept in self.concepts])
        self._fitting = {True: beings, False: ~np.array([concept.human for concept in self.concepts])}
        self._below: dict[int, list[int]] = defaultdict(list)
        for i, sense in with_sense:
            for offset in self.above(sense):
                self._below[offset].append(i)

    def drawable(self, noun: str) -> dict[int, Synset]:
        """The senses of a noun that one can draw, by their places from the most frequent, 0, on."""
        senses = enumerate(self._wordnet.noun_senses(noun)[:_SENSES])
        return {place: sense for place, sense in senses if sense.file.partition(".")[2] in TOPICS}

    def is_drawn(self, noun: str, *, without: int | None = None) -> bool:
        """Whether a sense of the noun is that of a concept, or of what a concept is a kind of: a car is a vehicle.

        `without` is the number of a concept that does not count.
        """
        below = (self._below.get(sense.offset, []) for sense in self.drawable(noun).values())
        return any(i != without for found in below for i in found)

    def similarities(self, nouns: Sequence[str], *, without_names: Sequence[Sequence[int]] = ()) -> np.ndarray:
        """Similarities of n nouns to all concepts, float (n, concepts), 1 for the same.

        `without_names` has for each noun the numbers of `names` that do not count.
        """
        senses = [self.drawable(noun) for noun in nouns]
        definitions = [
            _definition(noun, sense) for noun, found in zip(nouns, senses, strict=True) for sense in found.values()
        ]
        defined = iter(self._teacher.encode(definitions) if definitions else ())
        called = self._teacher.encode(list(nouns))
        rows = np.empty((len(nouns), len(self.concepts)))
        for n, found in enumerate(senses):
            cosines = self._named @ called[n]
            if without_names:
                cosines[list(without_names[n])] = -1.0
            row = np.full(len(self.concepts), -1.0)
            np.maximum.at(row, self._owners, cosines)
            meant = []
            for place, sense in found.items():
                like = _TREE * self._lin(sense) + _DEFINITION * (self._defined @ next(defined)) - _LATER * place
                meant.append(np.where(self._fitting[sense.file == _PERSON], like, -1.0))
            rows[n] = _NAME * row + (np.max(meant, axis=0) if meant else 0.0)
        return rows / (_NAME + _TREE + _DEFINITION)

    def of_concept(self, i: int) -> np.ndarray:
        """Similarities of concept i, in the sense that it has, to all concepts: float (concepts,)."""
        row = np.full(len(self.concepts), -1.0)
        np.maximum.at(row, self._owners, self._named @ self._named[int(np.argmax(self._owners == i))])
        sense, like = self.senses[i], np.zeros(len(self.concepts))
        if sense is not None:
            like = _TREE * self._lin(sense) + _DEFINITION * (self._defined @ self._defined[i])
        fitting = self._fitting[self.concepts[i].human]
        return np.where(fitting, _NAME * row + like, -1.0) / (_NAME + _TREE + _DEFINITION)

    def above(self, sense: Synset) -> set[int]:
        """The offsets of a sense and of all above it."""
        return {sense.offset, *(each.offset for each in self._wordnet.ancestors(sense))}

    def _lin(self, sense: Synset) -> np.ndarray:
        """Lin's similarity of a sense to each concept's, 0 where a concept has none: float (concepts,)."""
        shared = np.zeros(len(self.concepts))
        for offset in self.above(sense):
            below = self._below.get(offset, [])
            shared[below] = np.maximum(shared[below], self._content(offset))
        return 2 * shared / np.maximum(self._contents + self._content(sense.offset), 1e-9)

    @cached_property
    def _contents(self) -> np.ndarray:
        return np.array([1.0 if sense is None else self._content(sense.offset) for sense in self.senses])

    def _content(self, offset: int) -> float:
        """The information content of a sense: 1 for one with nothing below it, 0 for the top."""
        return 1 - math.log(max(1, self._sizes[offset])) / math.log(max(2, len(self._nouns)))

    @cached_property
    def _nouns(self) -> list[Synset]:
        return [synset for synset in self._wordnet.synsets if synset.part == "noun"]

    @cached_property
    def _sizes(self) -> Counter[int]:
        """Offset of a noun's sense → how many senses there are at and below it."""
        return Counter(offset for synset in self._nouns for offset in self.above(synset))


def _definition(noun: str, sense: Synset) -> str:
    return f"{noun}: {sense.gloss}"
