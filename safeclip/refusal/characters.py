"""Maps a character to the Latin letters that it may stand for: lookalikes of other scripts, digits, symbols.

Lookalikes are those of Unicode's confusables (UTS 39), from the package confusable-homoglyphs.
"""

import re
import unicodedata
from functools import cache

# Digits and symbols that are written for letters ("leetspeak"), each with the letters that it may stand for.
LEET = {
    "0": "o",
    "1": "il",
    "2": "z",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "gb",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "il",
    "¡": "i",
    "*": "aeiou",
    "|": "li",
    "+": "t",
    "€": "e",
    "£": "l",
    "¥": "y",
    "¢": "c",
    "(": "c",
    "<": "c",
}
# Written for Latin letters although UTS 39 does not call them confusable.
_INFORMAL = {
    **{"п": "n", "и": "nu", "г": "r", "ц": "u", "ш": "w", "я": "r", "ь": "b", "з": "e", "б": "b", "к": "k", "м": "m"},
    **{"д": "d"},
    **{"η": "n", "ω": "w", "σ": "o", "ε": "e", "μ": "u", "γ": "y", "δ": "d", "β": "b", "λ": "a", "κ": "k", "ӏ": "il"},
}

_ONE_LETTER = str.maketrans("ıیىک", "iييك")  # dotless i, and letters of Persian keyboards, for those of Arabic ones
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # blank, though no format characters
_NAMED_LATIN = re.compile(
    r"(?:LATIN (?:SMALL LETTER|CAPITAL LETTER|LETTER SMALL CAPITAL)"
    r"|(?:NEGATIVE )?(?:CIRCLED|SQUARED) LATIN CAPITAL LETTER|REGIONAL INDICATOR SYMBOL LETTER)"
    r" (?:(?:DOTLESS|OPEN|SCRIPT|TURNED|REVERSED|SIDEWAYS) )?([A-Z])(?: WITH .*)?"
)


def fold(text: str) -> str:
    """Text in lower case, without accents, compatibility forms and characters that cannot be seen.

    Scripts stay as they are, and digits of all scripts become ASCII's. The dotless i and Persian letters become those
    of Latin and of Arabic that they are written for.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(_letter_or_digit(char) for char in plain.translate(_ONE_LETTER) if not _is_unseen(char))


@cache
def latin_letters(char: str) -> str:
    """The letters a to z that a folded character may stand for, likeliest first; "" for one like none of them."""
    if "a" <= char <= "z":
        return char
    if char in LEET:
        return LEET[char]
    return _named(char) or "".join(dict.fromkeys([*_INFORMAL.get(char, ""), *_confusable(char)]))


def _confusable(char: str) -> list[str]:
    from confusable_homoglyphs.confusables import is_confusable  # reads its table of 0.9 MB when it is imported

    found = is_confusable(char, greedy=True) or []
    alike = [fold(each["c"]) for entry in found for each in entry["homoglyphs"]]
    return [letter for each in alike if len(each) == 1 and (letter := each if "a" <= each <= "z" else _named(each))]


def _named(char: str) -> str:
    """The letter in the name of a Latin character, as L in "LATIN SMALL LETTER L WITH STROKE"; "" for others."""
    named = _NAMED_LATIN.fullmatch(unicodedata.name(char, ""))
    return "" if named is None else named[1].lower()


def _letter_or_digit(char: str) -> str:
    if char.isascii():
        return char
    if unicodedata.category(char) == "So":  # such as a letter in a black square
        return _named(char) or char
    value = unicodedata.digit(char, None)
    return char if value is None else str(value)


def _is_unseen(char: str) -> bool:
    return bool(unicodedata.combining(char)) or unicodedata.category(char) in ("Cf", "Mn") or char in _INVISIBLE
