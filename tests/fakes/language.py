"""What the text tower's tests learn from: an excerpt in WordNet's file format, and a teacher that counts words."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from safeclip.hashing import content_id
from training.models.clip import ModelSpec

_FILES = {"noun.animal": 5, "noun.artifact": 6, "noun.food": 13, "noun.location": 15, "noun.person": 18}
_NOUNS = (
    # offset, file, lemmas, hypernym, text
    (
        100,
        "noun.person",
        "cook chef",
        None,
        'someone who cooks food; a professional; "the cook is tired"; "ask the chef"',
    ),
    (200, "noun.person", "police_officer", None, "a member of a police force"),
    (300, "noun.animal", "dog", None, 'a tame animal; "the dog barked all night"'),
    (400, "noun.artifact", "structure", None, "a thing constructed"),
    (500, "noun.artifact", "kitchen", 400, "a room equipped for preparing meals"),
    (600, "noun.artifact", "spoon", None, "a piece of cutlery"),
    (700, "noun.food", "soup", None, "liquid food"),
    (800, "noun.location", "Paris", None, "the capital of France"),
    (900, "noun.artifact", "dog", None, "a metal support for logs"),
)
_TAGGED = {"dog": 42, "cook": 3}


def _synset(offset: int, file: int, part: str, lemmas: Sequence[str], rest: str, text: str) -> str:
    words = " ".join(f"{lemma} 0" for lemma in lemmas)
    return f"{offset:08} {file:02} {part} {len(lemmas):02x} {words} {rest} | {text}  "


def write_wordnet(folder: Path, more: Sequence[tuple] = ()) -> Path:
    """Writes nine nouns, `more` ones, two verbs and two adjectives as WordNet's files; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    senses: dict[str, list[int]] = {}
    data = []
    for offset, file, lemmas, hypernym, text in (*_NOUNS, *more):
        names = lemmas.split()
        pointers = "000" if hypernym is None else f"001 @ {hypernym:08} n 0000"
        data.append(_synset(offset, _FILES[file], "n", names, pointers, text))
        for name in names:
            senses.setdefault(name.lower(), []).append(offset)
    nouns = [
        f"{name} n {len(offsets)} 0 {len(offsets)} 1 {' '.join(f'{offset:08}' for offset in offsets)}  "
        for name, offsets in sorted(senses.items())
    ]
    verbs = [
        _synset(100, 35, "v", ["carry"], "000 02 + 08 00 + 09 01", "move while supporting"),
        _synset(200, 38, "v", ["run"], "000 01 + 02 00", "move fast by using the feet"),
    ]
    adjectives = [
        _synset(100, 0, "a", ["red"], "000", "of the colour of blood"),
        _synset(200, 0, "s", ["ready(p)"], "001 & 00000100 a 0000", "completely prepared"),
    ]
    files = {
        "data.noun": data,
        "index.noun": nouns,
        "data.verb": verbs,
        "index.verb": ["carry v 1 0 1 1 00000100  ", "run v 1 0 1 1 00000200  "],
        "data.adj": adjectives,
        "index.adj": ["ready a 1 0 1 1 00000200  ", "red a 1 0 1 1 00000100  "],
        "data.adv": [],
        "index.adv": [],
        "index.sense": [f"{name}%1:18:00:: {senses[name][0]:08} 1 {count}" for name, count in _TAGGED.items()],
    }
    licence = "  1 This software and database is being provided to you, the LICENSEE  \n"
    for name, lines in files.items():
        header = "" if name == "index.sense" else licence
        (folder / name).write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


class WordCounter:
    """A teacher whose embedding is a sum of one random direction a word: texts that share words are alike."""

    width = 12
    fingerprint = "word counter"

    def __init__(self):
        self.encoded = 0  # texts

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.encoded += len(texts)
        sums = np.stack([np.sum([_direction(word) for word in text.lower().split()], axis=0) for text in texts])
        return (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)


@cache
def _direction(word: str) -> np.ndarray:
    return np.random.default_rng(int(content_id(word), 16)).standard_normal(WordCounter.width)


SMALL_CLIP = ModelSpec(  # a CLIP that learns from WordCounter
    image_size=16,
    patch_size=8,
    vision_width=8,
    vision_layers=1,
    vision_heads=2,
    text_width=8,
    text_layers=1,
    text_heads=2,
    max_length=12,
    vocabulary_size=600,
    projection_dim=WordCounter.width,
)
