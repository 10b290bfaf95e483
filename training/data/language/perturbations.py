"""Perturbs a text as visitors do, so that the tower learns to read past it: misspellings, other orders, bare keywords.

Capitals need no training: CLIP's tokenizer lowers them.
"""

import random
import re
import unicodedata
from collections.abc import Sequence

_GRAMMAR = "a an the of in on at by with and or to is are be some this that there his her my from for who which"
FUNCTION_WORDS = frozenset(_GRAMMAR.split())
_NEIGHBOURS = {
    key: row[max(0, i - 1) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, key in enumerate(row)
}  # left and right of each key
_TURNS = re.compile(r" (in|on|at|near|beside|next to|with|and|behind|inside|outside) ")
SHORTEST_MISSPELT = 4  # letters: in shorter words a slip makes another word


def perturb(text: str, rng: random.Random) -> str:
    """The text with one kind of perturbation; a text too short for any comes back as it is."""
    kind = rng.choices((misspell, reorder, keywords, strip_accents), (6, 2, 2, 1))[0]
    return kind(text, rng)


def perturb_some(texts: Sequence[str], share: float, seed: str) -> list[str]:
    """Perturbs a share of the texts, drawn from `seed`."""
    rng = random.Random(seed)
    return [perturb(text, rng) if rng.random() < share else text for text in texts]


def misspell(text: str, rng: random.Random) -> str:
    """Slips in one word, or in two of a long text: letters swapped, dropped, doubled, or hit beside the key."""
    words = text.split(" ")
    long_enough = [i for i, word in enumerate(words) if len(word) >= SHORTEST_MISSPELT and word.isalpha()]
    slips = min(len(long_enough), 2 if len(words) > 6 and rng.random() < 0.4 else 1)
    for i in rng.sample(long_enough, slips):
        words[i] = _slip(words[i], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    kind = rng.randrange(4)
    if kind == 0:
        return before + after[0] + letter + after[1:]
    if kind == 1:
        return before + after
    if kind == 2:
        return before + 2 * letter + after
    return before + rng.choice(_NEIGHBOURS.get(letter.lower(), letter)) + after


def reorder(text: str, rng: random.Random) -> str:
    """Its last phrase comes first ("a chef in the kitchen" → "in the kitchen a chef"); few words are shuffled."""
    turns = [*_TURNS.finditer(text)]
    if turns:
        turn = rng.choice(turns)
        first, link, last = text[: turn.start()], turn[1], text[turn.end() :]
        return f"{last} and {first}" if link == "and" else f"{link} {last} {first}"
    words = text.split(" ")
    if len(words) <= 5:
        rng.shuffle(words)
    return " ".join(words)


def keywords(text: str, rng: random.Random) -> str:
    """The words that carry meaning, in their order or shuffled, as people type into a search box."""
    words = [word for word in text.split(" ") if word.lower() not in FUNCTION_WORDS]
    if rng.random() < 0.3:
        rng.shuffle(words)
    return " ".join(words) or text


def strip_accents(text: str, rng: random.Random) -> str:
    """Letters without accents, words without punctuation, and now and then a mark at the end."""
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in letters if not unicodedata.combining(c) and (c.isalnum() or c == " "))
    return (bare + rng.choice(("", "", "!", "?", ".", "..."))) if bare.strip() else text
