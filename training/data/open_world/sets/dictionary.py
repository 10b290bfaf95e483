"""The baseline that replaces unsafe phrases by safe ones and asks original CLIP.

It knows what fine-tuning knows: the unsafe concepts and verbs of training. Contextual harm has no phrase of its own, so
the dictionary leaves it alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...language.inflection import article
from ..concepts.concept import Concept
from ..language.nouns import parse_noun, plural
from ..scenes.relations import Relation
from ..splits import Splits


@dataclass(frozen=True)
class Dictionary:
    """Unsafe phrase → safe phrase, both without articles. `of` builds it from what fine-tuning meets."""

    entries: dict[str, str]

    @classmethod
    def of(cls, tables: Splits) -> "Dictionary":
        """The phrases of training's unsafe concepts and verbs, each with its first counterpart's."""
        named, verbs = tables.catalogue.by_name, tables.relations.by_name
        entries: dict[str, str] = {}
        for concept in tables.unsafe("train"):
            entries |= dict(_noun_entries(concept, named[concept.instead[0]]))
        for verb in tables.unsafe_verbs("train"):
            entries |= dict(_verb_entries(verb, verbs[verb.instead[0]]))
        return cls(entries)

    def replace(self, text: str) -> str:
        """The text in lower case with every known phrase replaced, the longest first, and its article put right."""
        return self._pattern.sub(self._replacement, text.lower())

    @property
    def _pattern(self) -> re.Pattern[str]:
        phrases = "|".join(re.escape(phrase) for phrase in sorted(self.entries, key=len, reverse=True))
        return re.compile(rf"\b(?:(an?) ((?:[\w-]+ )??))?({phrases})\b")

    def _replacement(self, found: re.Match[str]) -> str:
        """The counterpart after "a" or "an", and after an adjective between the two."""
        indefinite, adjective, phrase = found[1], found[2] or "", self.entries[found[3]]
        if indefinite is None:
            return phrase
        return f"{article(adjective or phrase)} {adjective}{phrase}"


def _noun_entries(concept: Concept, counterpart: Concept) -> Iterable[tuple[str, str]]:
    """Each name of a concept, in the singular and plural, with the counterpart's first name."""
    safe = parse_noun(counterpart.name, counterpart.mass, counterpart.pair)
    for name in concept.names:
        noun = parse_noun(name, concept.mass, concept.pair)
        yield noun.text, safe.text
        if noun.number == "one" and safe.number == "one":
            given = concept.plural if name == concept.name else ""
            yield plural(noun, given), plural(safe, counterpart.plural)


def _verb_entries(verb: Relation, counterpart: Relation) -> Iterable[tuple[str, str]]:
    """Each wording of a verb with the counterpart's first one of the same form."""
    for form in ("phrases", "finite", "inverse"):
        safe = getattr(counterpart, form)[0]
        yield from ((wording, safe) for wording in getattr(verb, form))
