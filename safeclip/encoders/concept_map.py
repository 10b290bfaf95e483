"""Tells which words of a text, and which images, a small world has no picture of."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from ..errors import ProfileError, SafeClipError, first_line

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|\S")  # a word, or a sign that stands between words
_GRAMMAR = """
a an and any are as at be because been being both but by can could did do does each either every few for from
had has have having how if in into is it its itself just many may might more most much must neither no nor not
of off on onto or other over own per shall should since so some such than that the their them then there these
they this those though through to too toward towards under until upon very was were what when where whether
which while why will with within without would yet
"""
_FUNCTION_WORDS = frozenset(_GRAMMAR.split())  # they name nothing that could be drawn
_MOST = 6  # words of a text that are told
_LONGEST_NAME = 5  # words
_LONGEST_WORD = 32  # characters of an unknown word that a sentence shows


@dataclass(frozen=True)
class ForeignWord:
    """A noun for something that is not drawn, and the drawn concept nearest in meaning; "" where none is near."""

    word: str
    nearest: str


class ConceptMap:
    """Nouns for things that are not drawn, and for each the drawn concept nearest in meaning.

    `nearest` maps a concept to such nouns of one word or two; those under "" are near to nothing. Nouns of `known` are
    drawn, whatever their words are by themselves. Nouns of `verbs` are verbs too, so that "brews" is not taken for a
    plural. `image_threshold` is the cosine to the nearest gallery image below which an image is far from this world.

    `painted` are the names of what the painter learnt, and `unpainted` maps such a concept to the names of what it did
    not learn, though the world draws it.
    """

    def __init__(
        self,
        nearest: Mapping[str, Iterable[str]],
        *,
        known: Iterable[str] = (),
        verbs: Iterable[str] = (),
        image_threshold: float | None = None,
        painted: Iterable[str] = (),
        unpainted: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._painted = frozenset(painted)
        self._unpainted = {name: concept for concept, names in (unpainted or {}).items() for name in names}
        self._nearest = {noun: concept for concept, nouns in nearest.items() for noun in nouns}
        self._known = frozenset(known)
        self._verbs = frozenset(verbs)
        self.image_threshold = image_threshold

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Reads a file of `python -m training.zoo.concepts`. Raises ProfileError when it cannot be read."""
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            nearest = {concept: nouns.split(", ") for concept, nouns in table["nearest"].items()}
            known, verbs = table["known"].split(", "), table["verbs"].split(", ")
            painted = table.get("painted", "").split(", ")
            unpainted = {concept: names.split(", ") for concept, names in table.get("unpainted", {}).items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProfileError(f"{path}: these are no concepts ({first_line(error)}).") from error
        return cls(
            nearest,
            known=known,
            verbs=verbs,
            image_threshold=table.get("image_threshold"),
            painted=painted,
            unpainted=unpainted,
        )

    def foreign(self, text: str, *, painted: bool = False) -> list[ForeignWord]:
        """Lists the nouns of a text that name something that is not drawn, each once, in their order.

        With `painted`, what is nearest is something that the painter learnt.
        """
        tokens = _TOKEN.findall(text.lower())
        found: dict[str, str] = {}
        at = 0
        while at < len(tokens):
            pair = " ".join(tokens[at : at + 2])
            word = pair if self._noun(pair) or self._is_known(pair) else tokens[at]
            at += 2 if word == pair else 1
            noun = self._noun(word)
            if noun and not self._is_known(word):
                found.setdefault(noun, word)
        words = [ForeignWord(word, self._nearest[noun]) for noun, word in list(found.items())[:_MOST]]
        return [
            replace(each, nearest=self._unpainted.get(each.nearest, each.nearest)) if painted else each
            for each in words
        ]

    def unpainted(self, text: str) -> list[ForeignWord]:
        """Lists what a text names that is drawn, but that the painter did not learn, each once, in their order.

        `nearest` is what it did learn that is nearest in meaning. Of names within names the longest counts.
        """
        tokens = _TOKEN.findall(text.lower())
        found: dict[str, ForeignWord] = {}
        at = 0
        while at < len(tokens):
            for length in range(_LONGEST_NAME, 0, -1):
                phrase = " ".join(tokens[at : at + length])
                forms = (phrase, *_singulars(phrase))
                if name := next((form for form in forms if form in self._unpainted or form in self._painted), ""):
                    if name in self._unpainted:
                        found.setdefault(name, ForeignWord(phrase, self._unpainted[name]))
                    at += length - 1
                    break
            at += 1
        return list(found.values())[:_MOST]

    def is_far(self, cosine: float) -> bool:
        """Whether an image with this cosine to the nearest gallery image is far from everything in the gallery."""
        return self.image_threshold is not None and cosine < self.image_threshold

    def is_noun(self, word: str) -> bool:
        """Whether a word in lower case, or what it is the plural of, is a noun that is drawn or not."""
        return bool(self._noun(word)) or self._is_known(word)

    def _is_known(self, word: str) -> bool:
        return bool(self._known & {word, *_singulars(word)})

    def _noun(self, word: str) -> str:
        """The noun that is not drawn and that a word, or its singular, is; "" where there is none."""
        if word in self._nearest:
            return word
        return next((one for one in _singulars(word) if one in self._nearest and one not in self._verbs), "")


def _singulars(word: str) -> Iterable[str]:
    """Lists the singulars that an English plural may have."""
    for ending, replacement in (("ies", "y"), ("men", "man"), ("s", ""), ("es", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            yield word.removesuffix(ending) + replacement


class Remarks:
    """Sentences on what of a request is not in a profile's world; none where the profile names no `concepts`.

    `concepts` opens them, and `likeness` is an image's cosine to the nearest of the gallery, None without a gallery. It
    takes what `on_image` is given: an image, or one that is embedded already. `unknown` lists the words of a text that
    the text tower was not trained on. What fails makes no remark: the answer tells of it.
    """

    def __init__(
        self,
        concepts: Callable[[], ConceptMap | None],
        likeness: Callable[[Any], float | None],
        unknown: Callable[[str], Iterable[str]] = lambda text: (),
    ) -> None:
        self._concepts = concepts
        self._likeness = likeness
        self._unknown = unknown

    def on_text(self, text: str) -> tuple[str, ...]:
        """Says in one sentence what a text names that is not drawn, or that it names nothing."""
        concepts = self._open()
        if concepts is None:
            return ()
        if _is_nameless(text, self._unknown_words(text)):
            return (_NAMELESS.format("found"),)
        return _said(_of_words, concepts.foreign(text))

    def on_unknown(self, text: str) -> tuple[str, ...]:
        """Says in one sentence which words of a text the text tower was not trained on, if it has others."""
        unknown = self._unknown_words(text) if self._open() is not None else []
        return () if _is_nameless(text, unknown) else _said_of_unknown(unknown)

    def on_prompt(self, text: str) -> tuple[str, ...]:
        """As `on_text`, with the nearest that the painter learnt; then what it did not learn, and unknown words."""
        concepts = self._open()
        if concepts is None:
            return ()
        unknown = self._unknown_words(text)
        if _is_nameless(text, unknown):
            return (_NAMELESS.format("painted"),)
        foreign, unpainted = concepts.foreign(text, painted=True), concepts.unpainted(text)
        return _said(_of_words, foreign) + _said(_of_unpainted, unpainted) + _said_of_unknown(unknown)

    def on_image(self, image: Any) -> tuple[str, ...]:
        """Whether an RGB image, embedded or not, is far from everything in the gallery."""
        concepts = self._open()
        if concepts is None or concepts.image_threshold is None:
            return ()
        try:
            cosine = self._likeness(image)
        except SafeClipError as error:
            log.warning("no remark on an image: %s", error)
            return ()
        if cosine is None or not concepts.is_far(cosine):
            return ()
        return (
            f"This picture is far from everything in the gallery: its nearest has a cosine of {cosine:.2f}, and 99 of "
            f"100 pictures of this world reach {concepts.image_threshold:.2f}. Expect a guess.",
        )

    def _unknown_words(self, text: str) -> list[str]:
        try:
            return [word for word in self._unknown(text) if word not in _FUNCTION_WORDS]
        except SafeClipError as error:
            log.warning("no remark on unknown words: %s", error)
            return []

    def _open(self) -> ConceptMap | None:
        try:
            return self._concepts()
        except SafeClipError as error:
            log.warning("no remarks: %s", error)
            return None


_NAMELESS = "These words name nothing that is drawn here, so what is {} is chance."
NO_REMARKS = Remarks(lambda: None, lambda image: None)


def _is_nameless(text: str, unknown: list[str]) -> bool:
    """Whether a text has no words but `unknown` ones, and such as join other words."""
    words = (token for token in _TOKEN.findall(text.lower()) if token[0].isalpha())
    return all(word in _FUNCTION_WORDS or word in unknown for word in words)


def _said(say: Callable[[list[ForeignWord]], str], words: list[ForeignWord]) -> tuple[str, ...]:
    return (say(words),) if words else ()


def _of_words(words: list[ForeignWord]) -> str:
    """'“walrus” is not in this world; nearest: walrus → seal.'"""
    near = _nearest(words)
    said = f"{_listed(words)} {'are' if len(words) > 1 else 'is'} not in this world; "
    return said + (f"nearest: {near}." if near else "nothing in it is near.")


def shortened_word(word: str) -> str:
    """A word from outside for use in a sentence, cut where it is long."""
    return word if len(word) <= _LONGEST_WORD else f"{word[: _LONGEST_WORD - 1]}…"


def _said_of_unknown(words: list[str]) -> tuple[str, ...]:
    """'This model was never trained on “hund”, so it can only guess.'; nothing of no words."""
    shown = [ForeignWord(shortened_word(word), "") for word in words[:_MOST]]
    return (f"This model was never trained on {_listed(shown)}, so it can only guess.",) if shown else ()


def _of_unpainted(words: list[ForeignWord]) -> str:
    """'The painter never met “bee”, which the gallery shows; nearest: bee → butterfly.'"""
    return f"The painter never met {_listed(words)}, which the gallery shows; nearest: {_nearest(words)}."


def _listed(words: list[ForeignWord]) -> str:
    *first, last = [f"“{each.word}”" for each in words]
    return f"{', '.join(first)} and {last}" if first else last


def _nearest(words: list[ForeignWord]) -> str:
    return ", ".join(f"{each.word} → {each.nearest}" for each in words if each.nearest)
