"""Captions of scenes: a sentence form, and a noun phrase for each thing, drawn from a seed.

A caption remembers which facets of its scene it mentions, so that ambiguity can be counted.
"""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter

from ...language.perturbations import misspell
from ..concepts.catalogue import Catalogue
from ..scenes.relations import Relation, Relations
from ..scenes.scene import Entity, Scene
from .nouns import NUMBERS, Noun, Number, agree, definite, indefinite, parse_noun, plural

FORMS = Path(__file__).with_name("forms.toml")
FORM_SPLITS = ("train", "validation", "test")
MISSPELT = 0.05  # share of captions
SEXED = 0.6  # share of captions that say the sex of a person drawn as a man or a woman
SLOTS = {"s": "subject", "o": "object", "t": "second"}


@dataclass(frozen=True)
class Caption:
    """A text, the form that made it, and the facets it mentions: names of slots ("subject"), "relation", "place", and
    "subject sex" or "second sex" where it says whether the person is a man or a woman.
    """

    text: str
    form: str
    facets: frozenset[str]


@dataclass(frozen=True)
class NounPhrase:
    """How one entity is called in one caption."""

    indefinite: str
    definite: str
    number: Number
    sexed: bool = False  # says whether it is a man or a woman


@lru_cache(maxsize=1)
def sentence_forms(path: Path = FORMS) -> dict[str, dict[str, tuple[str, ...]]]:
    """The forms of the table by shape and split. Raises ValueError when a form stands in two splits of a shape."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {shape: {split: tuple(rows[split]) for split in FORM_SPLITS} for shape, rows in tables.items()}
    for shape, splits in found.items():
        together = [form for forms in splits.values() for form in forms]
        if twice := {form for form in together if together.count(form) > 1}:
            raise ValueError(f"{path.name}: {shape}: forms that stand twice: {sorted(twice)}")
    return found


@lru_cache(maxsize=1024)
def fields_of(form: str) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in Formatter().parse(form) if field)


@lru_cache(maxsize=1024)
def facets_of(form: str) -> frozenset[str]:
    """What a form mentions: "subject", "object", "second", "relation", "place"."""
    fields = fields_of(form)
    facets = {SLOTS[field.lower()] for field in fields if field.lower() in SLOTS}
    facets |= {"relation"} & ({"relation"} if fields & {"r", "v", "i", "at"} else set())
    return frozenset(facets | ({"place"} if "p" in fields else set()))


class Captioner:
    """Writes captions of scenes from the concept tables, the relations and the sentence forms."""

    def __init__(self, catalogue: Catalogue, relations: Relations):
        self._attributes = catalogue.attributes
        self._relations = relations

    def caption(
        self,
        scene: Scene,
        seed: str,
        forms: str = "train",
        needs: frozenset[str] = frozenset(),
        misspelt: float = MISSPELT,
    ) -> Caption:
        """A caption of the scene in one of the forms of the split `forms` that mention all facets of `needs`.

        Two scenes of one shape with the same seed get the same form and the same names for what they share: a twin's
        caption differs only in what differs between the scenes.
        """
        rng = random.Random(f"{seed}/form")
        form = rng.choice([form for form in sentence_forms()[scene.shape][forms] if facets_of(form) >= needs])
        phrases = {
            slot: self.noun_phrase(getattr(scene, slot), f"{seed}/{slot}")
            for slot in SLOTS.values()
            if getattr(scene, slot)
        }
        text = " ".join(form.format_map(self._values(scene, phrases, seed)).split())
        if rng.random() < misspelt:
            text = misspell(text, random.Random(f"{seed}/misspelling"))
        said = facets_of(form)
        sexed = {f"{slot} sex" for slot, phrase in phrases.items() if phrase.sexed and slot in said}
        return Caption(text, form, said | sexed)

    def _values(self, scene: Scene, phrases: dict[str, NounPhrase], seed: str) -> dict[str, str]:
        """What the fields of a form stand for."""
        values: dict[str, str] = {"p": _pick(scene.place.phrases, f"{seed}/place")}
        numbers: dict[str, Number] = {}
        for letter, slot in SLOTS.items():
            if slot not in phrases:
                continue
            phrase = phrases[slot]
            numbers[letter] = phrase.number
            values |= {letter: phrase.indefinite, letter.upper(): phrase.definite}
            values[f"{letter}_is"] = agree("is", phrase.number)
            values[f"{letter}_there"] = f"there {agree('is', phrase.number)}"
        if scene.relation:
            first = numbers["s"] if scene.subject else numbers["o"]
            values |= self._relation_values(self._relations.by_name[scene.relation], first, seed)
        return values

    def _relation_values(self, relation: Relation, number: Number, seed: str) -> dict[str, str]:
        key = f"{seed}/{relation.name}"
        finite = agree(_pick(relation.finite, key), number)
        values = {"r": _pick(relation.phrases, key), "v": finite, "i": _pick(relation.inverse or ("",), key)}
        return values | {"at": _pick(relation.target or ("",), key)}

    def noun_phrase(self, entity: Entity, seed: str) -> NounPhrase:
        """How the entity is called, by a seed: one of its names, its count, size and colour."""
        rng = random.Random(f"{seed}/{entity.concept.name}/{entity.sex}")
        sexed = bool(entity.sex) and rng.random() < SEXED
        name, adjective = _sexed_name(entity, rng) if sexed else (_name(entity, rng), "")
        noun = parse_noun(name, entity.concept.mass, entity.concept.pair)
        size = rng.choice(self._attributes.sizes[entity.size]) if entity.size else ""
        color = rng.choice((entity.color, *self._attributes.colors.get(entity.color, {}).get("also", ())))
        adjectives = " ".join(word for word in (size, color, adjective) if word)
        if entity.count == 1:
            return NounPhrase(indefinite(noun, adjectives), definite(noun, adjectives), noun.number, sexed)
        many = f"{adjectives} {plural(noun, entity.concept.plural if name == entity.concept.name else '')}".strip()
        counted = f"{NUMBERS[entity.count]} {many}"
        return NounPhrase(counted, f"the {counted}", "many", sexed)


def _pick(choices: Sequence[str], seed: str) -> str:
    return random.Random(seed).choice(choices)


def _sexed_name(entity: Entity, rng: random.Random) -> tuple[str, str]:
    """What a man or a woman of the concept is called, and the adjective that says the sex when the name does not."""
    if special := getattr(entity.concept, entity.sex):
        return special, ""
    return entity.concept.name, rng.choice(("female", "woman")) if entity.sex == "woman" else "male"


def _name(entity: Entity, rng: random.Random) -> str:
    """One of the names of an entity. Coloured and counted things are called by their first name: "a blue red rose"
    would be wrong.
    """
    concept = entity.concept
    if entity.color or entity.count > 1:
        return concept.name
    fitting = [n for n in concept.names if not (entity.sex == "woman" and Noun(n, "one").head.endswith("man"))]
    return concept.name if rng.random() < 0.5 else rng.choice(fitting)
