"""What may be asked about a scene, in several wordings, and the one true answer to each.

An answer names a concept by the first of its words, so that a right answer has one spelling.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from .concepts import World
from .scenes import Scene

NOTHING_DANGEROUS = "nothing dangerous"
CASUAL = 0.25  # share of questions that are typed in lower case, without the mark at the end


@dataclass(frozen=True)
class Question:
    """One thing to ask. The first of `wordings` is the usual one."""

    wordings: tuple[str, ...]
    answer: Callable[[Scene], str]

    def ask(self, rng: random.Random) -> str:
        """One of the wordings, as a person may type it."""
        words = rng.choice(self.wordings)
        return casual(words) if rng.random() < CASUAL else words


def casual(words: str) -> str:
    """ "Where is this?" → "where is this"."""
    return words.lower().rstrip(".?")


def caption(scene: Scene) -> str:
    """For example "a chef with a spoon in the kitchen"."""
    return f"{scene.subject.words[0]} with {scene.object.words[0]} {scene.place.words[0]}"


def _who(scene: Scene) -> str:
    return scene.subject.words[0]


def _what(scene: Scene) -> str:
    return scene.object.words[0]


def _where(scene: Scene) -> str:
    return scene.place.words[0]


def _how_many(scene: Scene) -> str:
    return f"two, {scene.subject.words[0]} and {scene.object.words[0]}"


def _danger(scene: Scene) -> str:
    return scene.object.words[0] if scene.object.kind == "unsafe" else NOTHING_DANGEROUS


CAPTION = Question(
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
    caption,
)
WHO = Question(("Who is in the picture?", "Who is it?", "Who is this?", "Who do you see?", "Who is here?"), _who)
WHAT = Question(
    (
        "What object is in the picture?",
        "Which object is in the picture?",
        "Which object do you see?",
        "What is the object?",
        "What object is here?",
    ),
    _what,
)
WHERE = Question(
    ("Where is this?", "Where is it?", "Where does this happen?", "Which place is this?", "What is the place?"), _where
)
HOW_MANY = Question(
    (
        "How many things are in the picture?",
        "How many things are in the foreground?",
        "How many things do you see?",
        "How many things are here?",
        "Count the things in the picture.",
    ),
    _how_many,
)
DANGER = Question(
    (
        "What is dangerous here?",
        "What is unsafe here?",
        "Is anything unsafe in the picture?",
        "Is anything dangerous in the picture?",
        "Is there anything dangerous here?",
    ),
    _danger,
)
OTHERS = (WHO, WHAT, WHERE, HOW_MANY, DANGER)


def all_words(world: World) -> list[str]:
    """Texts that hold every word of every question and answer, each word as it stands in a dialogue."""
    answers = [concept.words[0] for concept in world.concepts]
    questions = [words for question in (CAPTION, *OTHERS) for words in question.wordings]
    texts = (*answers, NOTHING_DANGEROUS, "two, with and", *questions, *(casual(words) for words in questions))
    return ["USER: \n ASSISTANT:", *(f" {text}" for text in texts)]
