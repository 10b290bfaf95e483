"""Refuses sexual content with minors, everywhere, and with named people where models know the real world.

Words are looked for, not meanings, so the check stops requests that say it and most that disguise it by lookalike
letters, digits, dots, spaces or swapped letters. Results are judged afterwards all the same. `policy.toml` and
`people.toml` have the words.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import RefusedError
from .ages import names_young_age
from .characters import fold
from .normalise import Reading, readings
from .people import names_person
from .word_list import WordList, stands_anywhere

POLICY = (
    "This was not answered. No profile of this demo makes, searches for or describes sexual content with minors, real "
    "or invented, in any style, whichever encoder reads the request. Ask for something else."
)

PEOPLE_POLICY = (
    "This was not answered. With models that know the real world, this demo makes, searches for or describes no sexual "
    "content with people who are named. Ask for something else."
)

_GLUED_FROM, _GLUED_TO = 3, 60  # letters of each of two words that are written as one, and of both
_MOST_CHARACTERS = 10_000  # no tokenizer of ours reads more of a text


@dataclass(frozen=True)
class _Lists:
    """The lists of policy.toml.

    `innocent` is one expression for its phrases, `innocent_alone` another.
    """

    minors: WordList
    sexual: WordList
    clothing: WordList
    either: WordList
    innocent: re.Pattern[str]
    innocent_alone: re.Pattern[str]


@dataclass(frozen=True)
class _Request:
    """A folded text without innocent phrases, and the ways to read it."""

    text: str
    readings: tuple[Reading, ...]

    @classmethod
    def of(cls, text: str) -> "_Request":
        lists = _lists()
        plain = lists.innocent.sub(" ", " ".join(fold(text).split())[:_MOST_CHARACTERS])
        request = cls(plain, readings(plain))
        if (less := lists.innocent_alone.sub(" ", plain)) == plain:
            return request
        without = cls(less, readings(less))
        return request if without.names(lists.sexual) else without

    def names(self, words: WordList) -> bool:
        return words.is_in(self.text, self.readings)

    def names_minor(self) -> bool:
        return self.names(_lists().minors) or names_young_age(self.text)

    def names_person(self) -> bool:
        return names_person(self.text, self.readings, _lists().sexual)

    def is_refused(self) -> bool:
        lists = _lists()
        if self.names(lists.either) or (self.names_minor() and self.names(lists.sexual)):
            return True
        words = {word for reading in self.readings for words in (*reading.tokens, *reading.spelt) for word in words}
        return any(map(_is_glued, words))


def check_text(text: str, *, real_world: bool = False) -> None:
    """Raises RefusedError, its message the policy's text, for a text that names sexual content with minors.

    With `real_world`, for models that know real people, it is raised too for sexual content with somebody who is named.
    """
    request = _Request.of(text)
    if request.is_refused():
        raise RefusedError(POLICY)
    if real_world and request.names(_lists().sexual) and request.names_person():
        raise RefusedError(PEOPLE_POLICY)


def is_allowed(text: str, *, real_world: bool = False) -> bool:
    """Whether `check_text` lets a text pass."""
    try:
        check_text(text, real_world=real_world)
    except RefusedError:
        return False
    return True


def names_minor(text: str) -> bool:
    """Whether a text names a child or an age under 18, in any spelling that the policy reads."""
    return _Request.of(text).names_minor()


def check_prompt(prompt: str, negative_prompt: str = "", *, real_world: bool = False) -> None:
    """Raises RefusedError as `check_text` does for either prompt.

    A negative prompt that leaves out the clothes of a minor, or with `real_world` of somebody who is named, in the
    prompt is refused too.
    """
    asked, left_out = _Request.of(prompt), _Request.of(negative_prompt)
    undressed = left_out.names(_lists().clothing)
    if (undressed and asked.names_minor()) or asked.is_refused() or left_out.is_refused():
        raise RefusedError(POLICY)
    if real_world and asked.names_person() and (undressed or asked.names(_lists().sexual)):
        raise RefusedError(PEOPLE_POLICY)


def _is_glued(word: str) -> bool:
    """Whether a word consists of one of a minor and a sexual one, in either order."""
    if len(word) > _GLUED_TO:
        return False
    minors, sexual = _lists().minors, _lists().sexual
    cuts = range(_GLUED_FROM, len(word) - _GLUED_FROM + 1)
    return any(
        (minors.holds(word[:i]) and word[i:] in sexual) or (sexual.holds(word[:i]) and word[i:] in minors) for i in cuts
    )


@cache
def _lists() -> _Lists:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    names = ("minors", "sexual", "clothing", "either")
    minors, sexual, clothing, either = (WordList(table[name], table["not_swapped"]) for name in names)
    return _Lists(minors, sexual, clothing, either, *(_phrases(table[each]) for each in ("innocent", "innocent_alone")))


def _phrases(phrases: list[str]) -> re.Pattern[str]:
    """One expression for phrases whose words stand apart by a space or a hyphen; one that ends in * has a plural."""
    found = []
    for phrase in map(fold, phrases):
        words = r"[ -]+".join(map(re.escape, phrase.rstrip("*").split()))
        ending = "(?:e?s)?" if phrase.endswith("*") else ""
        found.append(words if stands_anywhere(phrase) else rf"\b{words}{ending}\b(?!-)")
    return re.compile("|".join(found))
