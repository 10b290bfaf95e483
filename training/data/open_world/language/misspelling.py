"""Misspellings as people type them: one letter of one word goes wrong."""

import random

LEAST_LETTERS = 4
NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def misspell(text: str, rng: random.Random) -> str:
    """The text with one word of four letters or more misspelt; unchanged when it has none."""
    words = text.split(" ")
    long = [position for position, word in enumerate(words) if len(word) >= LEAST_LETTERS and word.isalpha()]
    if long:
        position = rng.choice(long)
        words[position] = _misspell_word(words[position], rng)
    return " ".join(words)


def _misspell_word(word: str, rng: random.Random) -> str:
    """Drops, doubles or replaces a letter, or swaps two neighbours that differ. The first letter stays."""
    at = rng.randrange(1, len(word))
    swaps = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    kind = rng.choice(("drop", "double", "swap", "key"))
    if kind == "swap" and swaps:
        at = rng.choice(swaps)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    if kind == "key" and word[at] in NEIGHBOURS:
        return word[:at] + rng.choice(NEIGHBOURS[word[at]]) + word[at + 1 :]
    return word[:at] + word[at] + word[at:]
