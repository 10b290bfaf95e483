"""Regular English inflection: articles, plurals and present participles, as far as composed sentences need them."""

import re

_IRREGULAR = {
    "man": "men", "woman": "women", "person": "people", "child": "children", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "ox": "oxen", "die": "dice", "leaf": "leaves", "knife": "knives",
    "wolf": "wolves", "calf": "calves", "elf": "elves", "thief": "thieves", "fish": "fish", "sheep": "sheep",
    "deer": "deer", "moose": "moose", "bison": "bison", "scarf": "scarves", "loaf": "loaves", "cactus": "cacti",
    "wife": "wives", "scissors": "scissors",
}  # fmt: skip
_ENDINGS = ("man", "woman", "child")  # irregular at the end of a longer word too
_NO_MAN = ("human", "german", "roman", "shaman", "talisman", "ottoman")
_SILENT_H = ("hour", "heir", "honest")
_SPOKEN_U = ("uni", "use", "ufo", "ukrain", "euro", "one-", "uranium")


def article(text: str) -> str:
    """ "a" or "an", by how the text begins to sound."""
    word = text.lower()
    if word.startswith(_SPOKEN_U):
        return "a"
    if word.startswith(_SILENT_H) or word[:2] == "x-" or word.startswith("suv"):
        return "an"
    return "an" if word[0] in "aeiou" else "a"


def plural(noun: str) -> str:
    """The plural of a noun, its last word inflected: "police officer" → "police officers"."""
    word = re.split(r"[ -]", noun)[-1]
    stem = noun[: len(noun) - len(word)]
    for singular, many in _IRREGULAR.items():
        ending = singular in _ENDINGS and word.endswith(singular) and not word.lower().endswith(_NO_MAN)
        if word == singular or ending:
            return stem + word.removesuffix(singular) + many
    if re.search(r"[^aeiou]y$", word):
        return stem + word[:-1] + "ies"
    return stem + word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


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
