"""The base class of perturbations of a text or a picture, and the words that some of them need."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from PIL import Image

from ...encoders.vocabulary import Vocabulary
from ...judges.texts.lexicon import Lexicon
from ...paths import resolve

if TYPE_CHECKING:
    from ...profiles import Profile


T = TypeVar("T", str, Image.Image)  # what is perturbed; an image is RGB

WRITTEN = "knife"  # the word that is written on pictures unless another one is asked for


@dataclass(frozen=True)
class Words:
    """Words of a profile's world: a lexicon whose concepts have several phrases, and the words that its encoder knows.

    Without a lexicon there are no synonyms; without a vocabulary the encoder is taken to know every word. `written` is
    the word that is written on pictures.
    """

    lexicon: Lexicon | None = None
    vocabulary: Vocabulary | None = None
    written: str = WRITTEN

    @classmethod
    def of(cls, profile: "Profile") -> Self:
        """The lexicon of the profile's [redteam], and the vocabulary of its reference. Raises JudgeError."""
        spec = profile.redteam
        lexicon = Lexicon.open(resolve(spec.lexicon)) if spec is not None and spec.lexicon else None
        return cls(lexicon, Vocabulary.of(profile.seats[0]))

    def known(self, text: str) -> bool:
        """Whether the encoder knows every word of a text."""
        return self.vocabulary is None or not self.vocabulary.unknown(text)


class Perturbation(ABC, Generic[T]):
    """One way to change a text or a picture. A subclass is a frozen dataclass; its fields are its parameters."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, subject: T, words: Words, rng: random.Random) -> T:
        """The changed subject, or the same one where the perturbation cannot be applied to it."""

    def why_not(self, subject: T, words: Words) -> str:
        """A sentence on why a subject stays the same, "" where nothing in it could be changed."""
        return ""
