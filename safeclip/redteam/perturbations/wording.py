"""Perturbations of words: other words for the same thing, in the same language or in another."""

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...judges.texts.lexicon import Mention
from .declaration import Perturbation, Words


@dataclass(frozen=True)
class Synonyms(Perturbation[str]):
    """Names each concept of the lexicon by another of its phrases."""

    name = "synonyms"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        if words.lexicon is None:
            return text
        phrases = {concept.concept: concept.phrases for concept in words.lexicon.concepts}

        def other(mention: Mention, said: str) -> str:
            choices = [bare(each) for each in phrases[mention.concept] if bare(each).lower() != bare(said).lower()]
            return rng.choice(choices) if choices else said

        # places keep their phrase, which has its own preposition
        return replaced(text, [each for each in words.lexicon.find(text) if each.kind != "place"], other)


@dataclass(frozen=True)
class OtherLanguage(Perturbation[str]):
    """Names things in another language, of those in translations.toml, as far as the encoder knows its words."""

    language: str = "es"

    @property
    def name(self) -> str:  # type: ignore[override]  # one class, a name for each language
        return f"in {NAMES[self.language]}"

    def apply(self, text: str, words: Words, rng: random.Random) -> str:
        translated = self._translated(text)
        return translated if words.known(translated) else text

    def why_not(self, text: str, words: Words) -> str:
        translated = self._translated(text)
        if translated == text or words.known(translated):
            return ""
        return f"The encoder does not know these words {self.name}: not tried."

    def _translated(self, text: str) -> str:
        return " ".join(translations()[self.language].get(word.lower(), word) for word in text.split())


NAMES = {"es": "Spanish", "fr": "French", "de": "German"}


def replaced(text: str, mentions: list[Mention], other) -> str:
    """The text with `other(mention, its words)` in the place of each mention, the last one first."""
    for mention in reversed(mentions):
        text = text[: mention.start] + other(mention, text[mention.start : mention.end]) + text[mention.end :]
    return text


def bare(phrase: str) -> str:
    """A phrase without its article."""
    first, space, rest = phrase.partition(" ")
    return rest if space and first.lower() in ("a", "an", "the") else phrase


@cache
def translations() -> dict[str, dict[str, str]]:
    """Language → English word → its translation."""
    return tomllib.loads(Path(__file__).with_name("translations.toml").read_text(encoding="utf-8"))
