"""What WordNet and CLDR know about the concepts: senses, definitions, synonyms, and names in five other languages.

Both packages are fetched when models are trained and are never shipped. Senses were chosen by hand: senses.toml.
"""

import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from ...language.cldr import LANGUAGES, EmojiNames, Translation
from ...language.wordnet import Synset, WordNet
from ..concepts.catalogue import FOLDER, Catalogue
from ..concepts.concept import Concept

SENSES = FOLDER / "senses.toml"


class Lexicon:
    """Looks up the concepts of a catalogue in WordNet and CLDR."""

    def __init__(self, catalogue: Catalogue, wordnet: WordNet, names: EmojiNames, senses: Path = SENSES):
        self._catalogue = catalogue
        self._wordnet = wordnet
        self._names = names
        table = tomllib.loads(senses.read_text(encoding="utf-8"))
        self._chosen: dict[str, str] = table["senses"]
        self._none = frozenset(table["none"]["names"])
        self._named_by: dict[str, str] = table["cldr"]

    def sense(self, concept: Concept) -> Synset | None:
        """The concept's WordNet sense: the one chosen by hand, else the first of its name; None when there is none.

        Raises ValueError when the table chooses a sense that WordNet does not have.
        """
        if concept.name in self._none:
            return None
        lemma, _, number = self._chosen.get(concept.name, f"{concept.name} 1").rpartition(" ")
        senses = self._wordnet.noun_senses(lemma)
        if len(senses) >= int(number):
            return senses[int(number) - 1]
        if concept.name in self._chosen:
            raise ValueError(f"{SENSES.name}: WordNet has no sense {number} of {lemma!r}, chosen for {concept.name!r}")
        return None

    def definitions(self) -> Iterator[tuple[Concept, str]]:
        """Each drawn concept that has a sense, with the sense's definition."""
        for concept in self._catalogue.drawn:
            if (sense := self.sense(concept)) is not None:
                yield concept, sense.gloss

    def synonyms(self, concept: Concept) -> tuple[str, ...]:
        """The other lemmas of the concept's sense that the tables do not name, in lower case."""
        sense = self.sense(concept)
        lemmas = (lemma.lower() for lemma in sense.lemmas) if sense else ()
        return tuple(lemma for lemma in lemmas if lemma not in concept.names)

    @cached_property
    def _by_language(self) -> dict[str, dict[str, str]]:
        return {language: self._names.of(language) for language in LANGUAGES}

    def translations(self) -> Iterator[Translation]:
        """The concepts' names in other languages, each with the concept's English name.

        Only concepts that a bare emoji draws have them. "Koch/Köchin" is two names; what stands in parentheses is none.
        """
        for concept in self._catalogue.drawn:
            if not concept.emoji or concept.badge or concept.hat or concept.flag or concept.mark:
                continue
            emoji = self._named_by.get(concept.name, concept.emoji)
            for language, names in self._by_language.items():
                said = names.get(emoji) or names.get(emoji.replace("\ufe0f", ""), "")
                for name in said.partition(" (")[0].split("/"):
                    if name.strip():
                        yield Translation(language, name.strip(), concept.name)
