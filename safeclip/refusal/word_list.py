"""One list of the policy, matched against the words that a text may stand for."""

import re
from collections.abc import Iterable

from .characters import fold
from .normalise import Reading, in_latin, swapped

_SWAP_FROM = 4  # letters: a shorter word with two letters swapped is too often another word
_SWAP_STEM_FROM = 6  # letters, of words that stand for all that begin with them: "pron" begins "pronounce"
_SPELT_FROM = 3  # letters of a word that is looked for inside a run of single letters
_ANYWHERE_FROM = "\u0900"  # Devanagari, Thai, Hangul, kanji: no spaces between words, or signs that part them
_KATAKANA = "[\u30a1-\u30fa\u30fc]"
_SHORT_KATAKANA = re.compile(f"{_KATAKANA}{{1,3}}")  # too often a part of another word, as in Florida or calorie


def stands_anywhere(word: str) -> bool:
    """Whether a folded word is of a script whose words are found inside others."""
    return max(word) >= _ANYWHERE_FROM


class WordList:
    """Words, stems ("teenage*"), phrases of two or more words, and words that `stands_anywhere` finds inside others.

    A word counts too when two adjacent letters are swapped, unless that makes one of `not_swapped`.
    """

    def __init__(self, entries: Iterable[str], not_swapped: Iterable[str] = ()) -> None:
        folded = [fold(entry) for entry in entries]
        inside = [entry.rstrip("*") for entry in folded if stands_anywhere(entry)]
        apart = [entry for entry in inside if _SHORT_KATAKANA.fullmatch(entry)]
        self._anywhere = tuple(entry for entry in inside if entry not in apart)
        self._apart = re.compile(rf"(?<!{_KATAKANA})(?:{'|'.join(apart)})(?!{_KATAKANA})") if apart else None
        others = [entry for entry in folded if not stands_anywhere(entry)]
        self._phrases: dict[str, list[list[str]]] = {}  # first word → the phrases that begin with it
        for phrase in (entry.split() for entry in others if " " in entry):
            self._phrases.setdefault(phrase[0], []).append(phrase)
        single = [entry for entry in others if " " not in entry]
        words = _with_latin(entry for entry in single if not entry.endswith("*"))
        stems = _with_latin(entry[:-1] for entry in single if entry.endswith("*"))
        spared = {fold(word) for word in not_swapped}
        self.words = words | (_with_swaps(words | stems, _SWAP_FROM) - spared)
        self.stems = stems | (_with_swaps(stems, _SWAP_STEM_FROM) - spared)
        self._inside = tuple(form for form in self.words | self.stems if len(form) >= _SPELT_FROM)
        self._starts = tuple(self.stems)

    def __contains__(self, word: str) -> bool:
        """Whether a word is one of the list or begins with one of its stems."""
        return word in self.words or word.startswith(self._starts)

    def holds(self, word: str) -> bool:
        """Whether a word is on the list itself, as a word or as a stem."""
        return word in self.words or word in self.stems

    def is_in(self, text: str, readings: Iterable[Reading]) -> bool:
        """Whether a folded text, or any of its readings, names something on the list."""
        dense = "".join(text.split())
        if any(word in dense for word in self._anywhere):
            return True
        if self._apart is not None and any(map(self._apart.search, (text, dense))):
            return True
        return any(self._is_in(reading) for reading in readings)

    def _is_in(self, reading: Reading) -> bool:
        if any(word in self for words in reading.tokens for word in words):
            return True
        if any(form in run for runs in reading.spelt for run in runs for form in self._inside):
            return True
        return any(
            self._begins(phrase, reading, i)
            for i, words in enumerate(reading.tokens)
            for word in words
            for phrase in self._phrases.get(word, ())
        )

    def _begins(self, phrase: list[str], reading: Reading, start: int) -> bool:
        """Whether a phrase stands at token `start`; its last word may be a stem."""
        tokens = reading.tokens[start : start + len(phrase)]
        return len(tokens) == len(phrase) and all(
            any(word.startswith(each[:-1]) if each.endswith("*") else word == each for word in words)
            for each, words in zip(phrase, tokens, strict=True)
        )


def _with_latin(words: Iterable[str]) -> set[str]:
    """The words, and each as it reads when its letters are taken for Latin ones: a disguise may mix the scripts."""
    return {form for word in words for form in (word, *in_latin(word))}


def _with_swaps(words: set[str], shortest: int) -> set[str]:
    return {form for word in words if len(word) >= shortest and word.isascii() for form in swapped(word)}
