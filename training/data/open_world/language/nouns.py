"""English noun phrases: with articles, in the plural, and the form a verb takes after them."""

import re
from dataclasses import dataclass
from typing import Literal

from ...language import inflection

Number = Literal["one", "mass", "many"]

_TAIL = re.compile(
    r" (?:of|in|with|on|at|for|from|who|wearing|doing|to|pointing|sticking|stuck|lying|pelted|bouncing|swimming)\b"
)
NUMBERS = ("no", "one", "two", "three", "four")


@dataclass(frozen=True)
class Noun:
    """A noun with its modifiers, without an article, and whether it is one thing, a mass, or many."""

    text: str
    number: Number

    @property
    def head(self) -> str:
        """What carries the plural: "pair" of "pair of swords"."""
        return _TAIL.split(self.text, maxsplit=1)[0]


def parse_noun(name: str, mass: bool = False, pair: bool = False) -> Noun:
    """A name of the concept tables as a noun.

    "a weed leaf" and "some lingerie" say themselves what they are; a head in -s is plural; "glass of milk" is one
    thing even when milk is a mass; all else follows the concept's `mass` and `pair`.
    """
    articles: tuple[tuple[str, Number], ...] = (("a ", "one"), ("an ", "one"), ("some ", "mass"))
    for article, number in articles:
        if name.startswith(article):
            return Noun(name.removeprefix(article), number)
    noun = Noun(name, "one")
    if noun.head.endswith("s") and not noun.head.endswith(("ss", "us", "is", "os")):
        return Noun(name, "many")
    if noun.head != name and " of " in name:
        return noun
    return Noun(name, "mass" if mass else "many" if pair else "one")


def indefinite(noun: Noun, adjectives: str = "") -> str:
    """For example "a big red apple", "milk", "scissors"."""
    text = f"{adjectives} {noun.text}".strip()
    return f"{inflection.article(text)} {text}" if noun.number == "one" else text


def definite(noun: Noun, adjectives: str = "") -> str:
    return f"the {adjectives} {noun.text}".replace("  ", " ")


def plural(noun: Noun, given: str = "") -> str:
    """The plural: `given` where the concept has one, else by English rules on the head."""
    return given or inflection.plural(noun.head) + noun.text[len(noun.head) :]


def agree(verb: str, number: Number) -> str:
    """A verb of the third person after a noun of that number: "holds" → "hold" after many."""
    if number != "many":
        return verb
    first, _, rest = verb.partition(" ")
    known = {"is": "are", "has": "have", "was": "were", "does": "do"}
    if first in known:
        changed = known[first]
    elif first.endswith("ies"):
        changed = first[:-3] + "y"
    else:
        changed = first[:-2] if first.endswith(("ches", "shes", "sses")) else first.removesuffix("s")
    return f"{changed} {rest}".strip()
