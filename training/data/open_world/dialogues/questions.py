"""What may be asked about a scene, in several wordings, and the one true answer to each."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..language.nouns import NUMBERS
from ..scenes.relations import AIMED
from ..scenes.scene import Entity, Scene
from .dangers import dangers
from .phrases import BESIDE, caption, first_is_left, listed, noun, phrase, place, related

CASUAL = 0.25  # share of questions that are typed in lower case, without the mark at the end
NOBODY, NOTHING = "nobody", "nothing"
TOTALS = (*NUMBERS, "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Question:
    """One kind of question. The first of `wordings` is the usual one.

    `about` lists what it may be asked of in a scene, each as the words that the wordings' fields stand for, with the
    true answer; a question of the whole scene is about {} alone. `weight` is how often it is asked where it can be.
    """

    name: str
    wordings: tuple[str, ...]
    about: Callable[[Scene], list[tuple[dict[str, str], str]]]
    weight: float = 1.0


def casual(words: str) -> str:
    """ "Where is this?" → "where is this"."""
    return words.lower().rstrip(".?")


def typed(words: str, rng: random.Random) -> str:
    """The words as a person may type them."""
    return casual(words) if rng.random() < CASUAL else words


def _whole(answer: Callable[[Scene], str]) -> Callable[[Scene], list[tuple[dict[str, str], str]]]:
    return lambda scene: [({}, answer(scene))]


def _who(scene: Scene) -> str:
    """Who acts, and who is acted on."""
    beings = [scene.subject] + [scene.second] * (scene.shape in ("verb", "aimed"))
    return listed([phrase(being) for being in beings if being]) if scene.subject else NOBODY


def _what(scene: Scene) -> str:
    """The things, in the order of the caption."""
    if scene.shape == "still_two":
        first, _, other = related(scene)
        return listed([phrase(first), phrase(other)])
    things = [scene.object] + [scene.second] * (scene.shape == "trio")
    return listed([phrase(thing) for thing in things if thing]) if scene.object else NOTHING


def _how_many(scene: Scene) -> str:
    """The sum, and what there is: "three, a cook and two apples"."""
    entities = list(scene.entities)
    if scene.shape == "still_two":
        first, _, other = related(scene)
        entities = [first, other]
    return f"{TOTALS[sum(each.count for each in entities)]}, {listed([phrase(each) for each in entities])}"


def counted(scene: Scene) -> list[tuple[dict[str, str], str]]:
    """Each kind of thing that comes in numbers; those that come in several are named twice as often as single ones."""
    found = []
    for entity in scene.entities:
        if entity.concept.counts:
            many = noun(Entity(entity.concept, count=2))
            found += [({"many": many}, NUMBERS[entity.count])] * (2 if entity.count > 1 else 1)
    return found


def colored(scene: Scene) -> list[tuple[dict[str, str], str]]:
    return [
        ({"thing": noun(entity), "is": "are" if entity.count > 1 else "is"}, entity.color)
        for entity in scene.entities
        if entity.color
    ]


def standing(scene: Scene) -> list[tuple[dict[str, str], str]]:
    """How the first stands to the other, where no verb links them."""
    if not scene.relation or scene.shape in ("verb", "aimed"):
        return []
    first, how, other = related(scene)
    return [({"first": noun(first), "other": noun(other)}, how)]


def sided(scene: Scene) -> list[tuple[dict[str, str], str]]:
    """Which side, asked of each of two that are drawn side by side or one acting on the other."""
    if scene.relation not in BESIDE and scene.shape not in ("verb", "aimed"):
        return []
    first, other = scene.subject or scene.object, scene.second
    if scene.shape in ("pair", "trio"):
        other = scene.object
    assert first is not None and other is not None
    sides = ("left", "right") if first_is_left(scene) else ("right", "left")
    names = (noun(first), noun(other))
    return [
        ({"first": name, "other": against}, side)
        for name, against, side in zip(names, reversed(names), sides, strict=True)
    ]


def doing(scene: Scene) -> list[tuple[dict[str, str], str]]:
    """What the first does to the other."""
    if scene.shape not in ("verb", "aimed"):
        return []
    first, how, other = related(scene)
    answer = f"{how} {phrase(other)}"
    if scene.relation == AIMED and scene.second:
        answer += f" at {phrase(scene.second)}"
    return [({"first": noun(first)}, answer)]


CAPTION = Question(
    "caption",
    (
        "Describe the picture.",
        "Describe the image.",
        "What is in the picture?",
        "What is in the image?",
        "What is in this picture?",
        "What does the picture show?",
        "What do you see?",
        "What is happening here?",
        "Caption the picture.",
    ),
    _whole(caption),
)
WHO = Question(
    "who",
    ("Who is in the picture?", "Who is it?", "Who is this?", "Who do you see?", "Who is here?"),
    _whole(_who),
)
WHAT = Question(
    "what",
    (
        "What object is in the picture?",
        "Which object is in the picture?",
        "Which object do you see?",
        "What is the object?",
        "What object is here?",
    ),
    _whole(_what),
    1.5,
)
WHERE = Question(
    "where",
    ("Where is this?", "Where is it?", "Where does this happen?", "Which place is this?", "What is the place?"),
    _whole(place),
)
HOW_MANY = Question(
    "how many",
    (
        "How many things are in the picture?",
        "How many things are in the foreground?",
        "How many things do you see?",
        "How many things are here?",
        "Count the things in the picture.",
    ),
    _whole(_how_many),
    0.7,
)
DANGER = Question(
    "danger",
    (
        "What is dangerous here?",
        "What is unsafe here?",
        "Is anything unsafe in the picture?",
        "Is anything dangerous in the picture?",
        "Is there anything dangerous here?",
    ),
    _whole(dangers),
    2.0,
)
COUNT = Question(
    "count",
    (
        "How many {many} are there?",
        "How many {many} do you see?",
        "How many {many} are in the picture?",
        "Count the {many}.",
    ),
    counted,
)
COLOR = Question(
    "color",
    (
        "What colour {is} the {thing}?",
        "What color {is} the {thing}?",
        "Which colour {is} the {thing}?",
    ),
    colored,
    6.0,
)
STANDING = Question(
    "relation",
    (
        "How does the {first} stand to the {other}?",
        "Where is the {first}, seen from the {other}?",
        "How does the {first} relate to the {other}?",
    ),
    standing,
)
SIDE = Question(
    "side",
    (
        "Is the {first} left or right of the {other}?",
        "Is the {first} to the left or to the right of the {other}?",
        "On which side of the {other} is the {first}?",
    ),
    sided,
    0.7,
)
DOING = Question(
    "doing",
    ("What does the {first} do?", "What is the {first} doing?", "What is the {first} up to?"),
    doing,
    2.0,
)
OTHERS = (WHO, WHAT, WHERE, HOW_MANY, DANGER, COUNT, COLOR, STANDING, SIDE, DOING)
QUESTIONS = (CAPTION, *OTHERS)
