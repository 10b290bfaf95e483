"""How an answer says what a scene shows: each thing by its first name, so that a right answer has one spelling.

Size, sex and skin are left out. What stands beside something is told by the side that it is drawn on, and of two things
the left, the front or the upper one comes first: what a picture cannot tell apart is said in one way.
"""

import random

from ..language.nouns import NUMBERS, indefinite, parse_noun, plural
from ..scenes.relations import AIMED, relations
from ..scenes.scene import Entity, Scene

BESIDE = ("next to", "left of", "right of")  # drawn side by side
TURNED = {"right of": "left of", "behind": "in front of", "under": "on top of"}  # of two things


def noun(entity: Entity) -> str:
    """For example "apple", "apples", "milk": without article, number and colour."""
    concept = entity.concept
    parsed = parse_noun(concept.name, concept.mass, concept.pair)
    return plural(parsed, concept.plural) if entity.count > 1 else parsed.text


def phrase(entity: Entity) -> str:
    """For example "a red apple", "three apples", "milk"."""
    concept = entity.concept
    if entity.count == 1:
        return indefinite(parse_noun(concept.name, concept.mass, concept.pair), entity.color)
    return " ".join(f"{NUMBERS[entity.count]} {entity.color} {noun(entity)}".split())


def place(scene: Scene) -> str:
    """For example "in the kitchen"."""
    return scene.place.phrases[0]


def listed(phrases: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join((", ".join(phrases[:-1]), phrases[-1])) if len(phrases) > 1 else phrases[0]


def first_is_left(scene: Scene) -> bool:
    """Whether the first of two that are drawn side by side, or of whom one acts on the other, is on the left.

    A layout draws its side before anything else, from the scene's own seed.
    """
    if scene.relation in ("left of", "right of"):
        return scene.relation == "left of"
    return random.Random(scene.layout).choice((-1, 1)) == 1


def related(scene: Scene) -> tuple[Entity, str, Entity]:
    """First, how it stands to the other or what it does, and the other, of a scene with a relation."""
    first = scene.subject or scene.object
    other = scene.object if scene.subject and scene.object else scene.second
    assert first is not None and other is not None
    name = scene.relation
    if name in BESIDE:
        name = "left of" if first_is_left(scene) else "right of"
    if scene.shape == "still_two" and name in TURNED:
        first, name, other = other, TURNED[name], first
    return first, said(name), other


def said(name: str) -> str:
    """The relation or verb as captions say it: "holding", "left of", "punching"."""
    return relations().by_name[name].phrases[0]


def caption(scene: Scene) -> str:
    """For example "a cook holding a red apple beside a chair in the kitchen"."""
    where = place(scene)
    if not scene.relation:
        return f"{phrase(scene.entities[0])} {where}"
    first, how, other = related(scene)
    text = f"{phrase(first)} {how} {phrase(other)}"
    if scene.relation == AIMED and scene.second:
        text += f" {relations().by_name[AIMED].target[0]} {phrase(scene.second)}"
    elif scene.shape == "trio" and scene.second:
        text += f" beside {phrase(scene.second)}"
    return f"{text} {where}"
