"""Every word that a question or an answer may have, each as it stands in a dialogue."""

from collections.abc import Iterator

from ..concepts.catalogue import Catalogue
from ..scenes.relations import Relations
from ..scenes.scene import Entity
from .dangers import NOTHING as NOTHING_DANGEROUS
from .dangers import POINTED
from .phrases import noun, phrase
from .questions import NOBODY, NOTHING, QUESTIONS, TOTALS, casual

FIELDS = {"many": "", "thing": "", "is": "is are", "first": "", "other": ""}


def all_words(known: Catalogue, linked: Relations) -> list[str]:
    """Texts that hold every word: one after a space as most are, or one that begins a question."""
    asked = [words.format_map(FIELDS) for question in QUESTIONS for words in question.wordings]
    texts = [*asked, *(casual(words) for words in asked), *(f" {text}" for text in _answered(known, linked))]
    return ["USER: \n ASSISTANT: , : . ?", *texts]


def _answered(known: Catalogue, linked: Relations) -> Iterator[str]:
    for concept in known.drawn:
        yield phrase(Entity(concept))
        yield concept.name
        if concept.counts:
            yield noun(Entity(concept, count=2))
    for concept in known.places:
        yield from concept.phrases[:1]
    for relation in linked.by_name.values():
        yield " ".join((*relation.phrases[:1], *relation.target[:1]))
    yield from known.attributes.colors
    yield f"{' '.join(TOTALS)} with beside and an {POINTED} {NOBODY} {NOTHING} {NOTHING_DANGEROUS}"
    yield "left right"
