"""Reads WordNet's database files: lemmas, glosses, examples, hypernyms, and how often each sense is tagged.

The format is that of the manual pages wndb(5WN) and senseidx(5WN) of WordNet 3.1.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .packages import WORDNET, PackageData

PARTS = ("noun", "verb", "adj", "adv")
_NOUN_TOPICS = (
    "Tops act animal artifact attribute body cognition communication event feeling food group location motive object "
    "person phenomenon plant possession process quantity relation shape state substance time"
)
_VERB_TOPICS = (
    "body change cognition communication competition consumption contact creation emotion motion perception possession "
    "social stative weather"
)
_LEXICOGRAPHER_FILES = (
    *("adj.all", "adj.pert", "adv.all"),
    *(f"noun.{topic}" for topic in _NOUN_TOPICS.split()),
    *(f"verb.{topic}" for topic in _VERB_TOPICS.split()),
    "adj.ppl",
)  # in the order of their numbers, lexnames(5WN)
_WORD = re.compile(r"[a-z][a-z-]+")


@dataclass(frozen=True)
class Synset:
    """One sense: the lemmas that share it, what it means, and where it belongs."""

    part: str  # noun | verb | adj | adv
    offset: int  # in its data file: with `part`, its identity
    file: str  # lexicographer file, such as "noun.person"
    lemmas: tuple[str, ...]  # with spaces, in their own capitals
    hypernyms: tuple[int, ...]  # offsets, of the same part of speech
    frames: frozenset[int]  # of verbs: the numbered sentence frames that every lemma fits
    gloss: str  # the first definition
    examples: tuple[str, ...]


def parse_synset(line: str, part: str) -> Synset:
    """Parses a line of data.noun, data.verb, data.adj or data.adv."""
    fields, _, text = line.partition(" | ")
    words = fields.split()
    count = int(words[3], 16)
    lemmas = tuple(_plain(word) for word in words[4 : 4 + 2 * count : 2])
    rest = words[4 + 2 * count :]
    pointers = [rest[1 + 4 * i : 5 + 4 * i] for i in range(int(rest[0]))]
    frames = rest[1 + 4 * len(pointers) :]
    gloss, *quoted = text.strip().split('"')
    return Synset(
        part=part,
        offset=int(words[0]),
        file=_LEXICOGRAPHER_FILES[int(words[1])],
        lemmas=lemmas,
        hypernyms=tuple(int(target) for symbol, target, *_ in pointers if symbol in ("@", "@i")),
        frames=frozenset(int(number) for _, number, word in _triples(frames[1:]) if word == "00"),
        gloss=gloss.split(";")[0].strip(),
        examples=tuple(example.strip() for example in quoted[::2] if example.strip()),
    )


def _plain(word: str) -> str:
    """A lemma without underscores and without an adjective's marker of syntax, such as "(p)"."""
    return word.split("(")[0].replace("_", " ")


def _triples(fields: list[str]) -> Iterator[tuple[str, str, str]]:
    """The frames of a verb: "+", the frame's number, and the lemma's number in hexadecimal (00: all of them)."""
    return zip(fields[::3], fields[1::3], fields[2::3], strict=True)


@dataclass(frozen=True)
class Lemma:
    """A word or phrase with its most frequent sense.

    `count` says how common it is: tagged occurrences of that sense plus occurrences in WordNet's own definitions and
    examples, which are 1.6 million words of plain English.
    """

    text: str
    sense: Synset
    count: int


class WordNet(PackageData):
    """The synsets of WordNet, in the order of its files, with each lemma's first sense."""

    package, inside = WORDNET, "package/dict"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.synsets = tuple(parse_synset(line, part) for part in PARTS for line in self._lines(f"data.{part}"))
        self._by_id = {(synset.part, synset.offset): synset for synset in self.synsets}

    def _lines(self, name: str) -> Iterator[str]:
        with (self._folder / name).open(encoding="utf-8") as file:
            yield from (line for line in file if not line.startswith("  "))  # the licence is indented

    @cached_property
    def lemmas(self) -> tuple[Lemma, ...]:
        """Every lemma in each part of speech, with its first sense."""
        tagged, written = self._tagged(), self._written()
        spelt = {
            (synset.part, lemma.lower(), synset.offset): lemma for synset in self.synsets for lemma in synset.lemmas
        }
        found = []
        for part in PARTS:
            for line in self._lines(f"index.{part}"):
                fields = line.split()
                senses = int(fields[2])
                text, offset = _plain(fields[0]), int(fields[-senses])
                text = spelt.get((part, text, offset), text)
                count = tagged.get((fields[0], part, offset), 0) + written[text]
                found.append(Lemma(text, self._by_id[part, offset], count))
        return tuple(found)

    @cached_property
    def _nouns(self) -> dict[str, tuple[Synset, ...]]:
        """Noun in lower case → its senses, the most frequent first."""
        found = {}
        for line in self._lines("index.noun"):
            fields = line.split()
            offsets = fields[-int(fields[2]) :]
            found[_plain(fields[0])] = tuple(self._by_id["noun", int(offset)] for offset in offsets)
        return found

    def noun_senses(self, text: str) -> tuple[Synset, ...]:
        """All senses of a noun, the most frequent first; empty when WordNet does not know it."""
        return self._nouns.get(text.lower(), ())

    def _written(self) -> Counter[str]:
        """Word → its occurrences in the definitions and examples of every synset."""
        return Counter(
            word for synset in self.synsets for text in (synset.gloss, *synset.examples) for word in _WORD.findall(text)
        )

    def _tagged(self) -> dict[tuple[str, str, int], int]:
        """(lemma, part, offset) → tagged occurrences, from index.sense."""
        parts = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}  # 5: an adjective's satellite
        counts = {}
        for line in self._lines("index.sense"):
            key, offset, _, count = line.split()
            lemma, sense = key.rsplit("%", 1)
            counts[lemma, parts[sense[0]], int(offset)] = int(count)
        return counts

    def ancestors(self, synset: Synset) -> Iterator[Synset]:
        """The hypernyms of a synset, theirs, and so on; each once."""
        seen, waiting = {synset.offset}, list(synset.hypernyms)
        while waiting:
            offset = waiting.pop()
            if offset not in seen:
                seen.add(offset)
                above = self._by_id[synset.part, offset]
                waiting.extend(above.hypernyms)
                yield above

    def phrases(self) -> Iterator[str]:
        """Every lemma, first definition and example, in the order of the files; repeats included."""
        for synset in self.synsets:
            yield from synset.lemmas
            yield synset.gloss
            yield from synset.examples
