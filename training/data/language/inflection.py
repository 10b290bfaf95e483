"""Regular English inflection: articles, plurals and present participles, as far as composed sentences need them."""

import re

_VOWELS = "aeiou"
_SOUNDS_LIKE_YOU = re.compile(r"(uni(?!n|m)|us[aeiu]|eu|ew|one\b|once\b|ut[ei])")
_SILENT_H = re.compile(r"(hour|honest|honou?r|heir)")
_PLURALS = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "people",
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "mouse": "mice",
    "knife": "knives",
    "wolf": "wolves",
    "leaf": "leaves",
    "loaf": "loaves",
    "wife": "wives",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
}


def with_article(noun: str) -> str:
    """The noun after "a" or "an", chosen by its spelling."""
    word = noun.lower()
    vowel = word[:1] in tuple(_VOWELS) and not _SOUNDS_LIKE_YOU.match(word)
    return f"{'an' if vowel or _SILENT_H.match(word) else 'a'} {noun}"


def plural(noun: str) -> str:
    """The noun's plural, its last word inflected: "police officer" → "police officers"."""
    head, space, last = noun.rpartition(" ")
    return head + space + _plural_word(last)


def _plural_word(word: str) -> str:
    for singular, irregular in _PLURALS.items():
        if word == singular or (len(singular) >= 3 and word.endswith(singular) and singular in ("man", "child")):
            return word.removesuffix(singular) + irregular
    if word.endswith("y") and word[-2:-1] not in tuple(_VOWELS):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


def participle(verb: str) -> str:
    """The verb's present participle, its first word inflected: "carry out" → "carrying out"."""
    first, space, rest = verb.partition(" ")
    return _participle_word(first) + space + rest


def _participle_word(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")) and word != "be":
        return word[:-1] + "ing"
    one_syllable = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", word)
    return word + (word[-1] if one_syllable else "") + "ing"
