"""Facts of a scene that can be asked exactly: its objects, counts, colours, sizes, relation and place."""

import random
from dataclasses import dataclass
from typing import Literal

from ..concepts.catalogue import Attributes
from ..language.nouns import NUMBERS, parse_noun, plural
from .relations import Relations
from .scene import MOST, Entity, Scene

FactKind = Literal["object", "count", "color", "size", "relation", "place"]
OPPOSITES = {
    "left of": "right of",
    "right of": "left of",
    "in front of": "behind",
    "behind": "in front of",
    "under": "on top of",
    "on top of": "under",
    "holding": "behind",
    "next to": "under",
}


@dataclass(frozen=True)
class Fact:
    """A question about a scene, its true answer, and all answers to choose from, the true one among them.

    `slot` names what it is about: "subject", "object", "second" or "scene".
    """

    kind: FactKind
    slot: str
    question: str
    answer: str
    choices: tuple[str, ...]


def facts_of(scene: Scene, relations: Relations, attributes: Attributes) -> tuple[Fact, ...]:
    """All facts of a scene, those about count, colour and size for the things of which a caption tells them."""
    found = [Fact("place", "scene", "Where is it?", scene.place.name, ())]
    for slot in ("subject", "object", "second"):
        if (entity := getattr(scene, slot)) is not None:
            found += _facts_of_entity(slot, entity, attributes)
    if scene.relation:
        found.append(_relation_fact(scene, relations))
    return tuple(found)


def _facts_of_entity(slot: str, entity: Entity, attributes: Attributes) -> list[Fact]:
    name = entity.concept.name
    found = [Fact("object", slot, f"Is there {name} in the picture?", name, ())]
    if entity.concept.counts:
        many = plural(parse_noun(name), entity.concept.plural)
        numbers = NUMBERS[1 : MOST + 1]
        found.append(Fact("count", slot, f"How many {many} are there?", NUMBERS[entity.count], numbers))
    if entity.color:
        found.append(Fact("color", slot, f"What colour is the {name}?", entity.color, tuple(attributes.colors)))
    if entity.size:
        found.append(Fact("size", slot, f"Is the {name} big or small?", entity.size, tuple(attributes.sizes)))
    return found


def _relation_fact(scene: Scene, relations: Relations) -> Fact:
    first, other = scene.entities[0].concept.name, scene.entities[-1].concept.name
    if scene.shape in ("pair", "trio"):
        other = scene.entities[1].concept.name
    relation = relations.by_name[scene.relation]
    if relation.group == "verb":
        others = relation.instead or tuple(r.name for r in relations.safe_verbs if r != relation)[:3]
    elif relation.group == "aimed":
        others = ("holding",)
    else:
        others = (OPPOSITES[relation.name],)
    question = f"How does the {first} stand to the {other}?"
    return Fact("relation", "scene", question, relation.name, tuple(sorted((relation.name, *others))))


def swapped_statement(scene: Scene, rng: random.Random) -> tuple[str, str]:
    """A true and a false short statement about a spatial relation, as a pair to choose from.

    Raises ValueError for a scene without one.
    """
    if scene.relation not in OPPOSITES:
        raise ValueError(f"a scene of shape {scene.shape!r} has no spatial relation to swap")
    first, other = scene.entities[0].concept, scene.entities[1].concept
    true = f"{first.name} {scene.relation} {other.name}"
    if rng.random() < 0.5 and scene.relation in ("left of", "right of", "in front of", "behind"):
        return true, f"{other.name} {scene.relation} {first.name}"
    return true, f"{first.name} {OPPOSITES[scene.relation]} {other.name}"
