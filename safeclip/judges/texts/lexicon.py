"""Lexicon: phrases for the concepts of a world, found in texts."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from ...errors import JudgeError, ProfileError
from ...hashing import file_sha256
from ...schema import parse
from ..contexts import Context

KINDS = ("subject", "safe", "unsafe", "place")

_ARTICLES = frozenset({"a", "an", "the"})
# After one of these a word is a noun, which tells "her saw" from "she saw".
_DETERMINERS = _ARTICLES | {"one", "this", "that", "his", "her", "its", "their", "my", "your", "our", "with", "of"}
_WORD = re.compile(r"['’]s\b|[^\W_]+", re.IGNORECASE)
_TAILS = frozenset({"of", "with", "in", "and", "by", "for"})  # what follows one of them does not change in the plural


@dataclass(frozen=True)
class Mention:
    """Span `text[start:end]` that names `concept`; `kind` is one of KINDS, and `category` is "" for a safe concept."""

    start: int
    end: int
    concept: str
    kind: str
    category: str = ""


@dataclass(frozen=True)
class LexiconConcept:
    """One concept with the phrases that name it, singular ones with their indefinite article ("a knife").

    `nouns` are its one-word phrases that are verbs as well: they count only after a determiner.
    """

    concept: str
    kind: str
    phrases: tuple[str, ...]
    category: str = ""
    nouns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int
    determined: bool


class Lexicon:
    """Finds concepts by their phrases: whole words, in any case, singular or plural, with any article or none.

    Of phrases that overlap the longest one counts, then the first. `contexts` are rules of safe things that are harm
    in some hands or places.
    """

    def __init__(
        self,
        concepts: Iterable[LexiconConcept],
        contexts: Iterable[Context] = (),
        *,
        name: str = "lexicon",
        version: str = "",
    ) -> None:
        self.concepts = tuple(concepts)
        self.contexts = tuple(contexts)
        self.name = name
        self.version = version
        self._phrases: dict[str, dict[tuple[str, ...], tuple[LexiconConcept, bool]]] = {}  # by first word
        forms = [(form, concept, need) for concept in self.concepts for form, need in _forms(concept)]
        for words, concept, needs_determiner in forms:
            self._phrases.setdefault(words[0], {}).setdefault(words, (concept, needs_determiner))

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Reads a JSON file {"name", "concepts": [{"concept", "kind", "phrases", "category"?, "nouns"?}], "contexts"?}.

        A context is {"thing", "category", "unsafe": [{"who"?, "where"?}]}, of names of concepts. `version` is the
        beginning of the file's SHA-256. Raises JudgeError for a file that is missing or of another shape.
        """
        path = Path(path)
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            concepts = [_concept(row) for row in table["concepts"]]
            contexts = [parse(Context, row, file=path, where="contexts") for row in table.get("contexts", ())]
            name = str(table["name"])
        except OSError as error:
            raise JudgeError(f"{path}: the lexicon cannot be read ({error.strerror}). Correct the profile.") from error
        except (ValueError, KeyError, TypeError, ProfileError) as error:
            raise JudgeError(f"{path}: this is not a lexicon ({error}). Write it again.") from error
        return cls(concepts, contexts, name=name, version=file_sha256(path)[:8])

    def find(self, text: str) -> list[Mention]:
        """Lists every mention in `text`, in order of place. No two overlap."""
        words = list(_words(text))
        found = [(i, n, concept) for i in range(len(words)) for n, concept in self._at(words, i)]
        taken: set[int] = set()
        mentions = []
        for i, n, concept in sorted(found, key=lambda match: (-match[1], match[0])):
            if taken.isdisjoint(span := range(i, i + n)):
                taken.update(span)
                start, end = words[i].start, words[i + n - 1].end
                mentions.append(Mention(start, end, concept.concept, concept.kind, concept.category))
        return sorted(mentions, key=lambda mention: mention.start)

    def judged(self, mentions: Iterable[Mention]) -> list[Mention]:
        """The mentions of a text, those of a thing as unsafe that a rule calls harm beside what else is mentioned.

        Every being of the text counts as one who has the thing, and every place as where it is.
        """
        mentions = list(mentions)
        beings, places = ({each.concept for each in mentions if each.kind == kind} for kind in ("subject", "place"))
        harm = {rule.thing: rule.category for rule in self.contexts if rule.holds(beings, places)}
        return [
            replace(each, kind="unsafe", category=harm[each.concept]) if each.concept in harm else each
            for each in mentions
        ]

    def _at(self, words: list[_Word], i: int) -> Iterator[tuple[int, LexiconConcept]]:
        """Yields the phrases that begin with word i: the number of words of each, and its concept."""
        for phrase, (concept, needs_determiner) in self._phrases.get(words[i].text, {}).items():
            if needs_determiner and not words[i].determined:
                continue
            if tuple(word.text for word in words[i : i + len(phrase)]) == phrase:
                yield len(phrase), concept


def _concept(row: dict) -> LexiconConcept:
    concept = LexiconConcept(
        concept=row["concept"],
        kind=row["kind"],
        phrases=tuple(row["phrases"]),
        category=row.get("category", ""),
        nouns=tuple(row.get("nouns", ())),
    )
    if concept.kind not in KINDS:
        raise ValueError(f"{concept.concept} is of the unknown kind {concept.kind}")
    return concept


def _words(text: str) -> Iterator[_Word]:
    """Yields the words of a text in lower case, without the articles; a possessive 's is a word of its own."""
    determined = False
    for match in _WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        if word not in _ARTICLES:
            yield _Word(word, match.start(), match.end(), determined)
        determined = word in _DETERMINERS


def _forms(concept: LexiconConcept) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yields every way to write a concept, as words without articles, and whether it needs a determiner before it."""
    for phrase in concept.phrases:
        words = tuple(word.text for word in _words(phrase))
        if not words:
            continue
        yield words, len(words) == 1 and words[0] in concept.nouns
        if concept.kind == "place":
            continue
        head = next((i for i, word in enumerate(words) if word in _TAILS and i), len(words)) - 1
        singular = phrase.split()[0].lower() in _ARTICLES
        for other in _plurals(words[head]) if singular else _singulars(words[head]):
            changed = (*words[:head], other, *words[head + 1 :])
            yield changed, False
            if "and" in words:  # bow and arrow, bows and arrows
                yield from (((*changed[:-1], last), False) for last in _plurals(words[-1]))


def _plurals(word: str) -> list[str]:
    """Lists the plurals that a singular noun may have."""
    if word.endswith("man"):
        return [word[:-3] + "men"]
    if word == "mouse":
        return ["mice"]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return [word + "es"]
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return [word[:-1] + "ies"]
    if word.endswith("fe"):
        return [word[:-2] + "ves", word + "s"]
    if word.endswith(("lf", "rf", "af")):
        return [word[:-1] + "ves", word + "s"]
    if word.endswith("o"):
        return [word + "s", word + "es"]
    return [word + "s"]


def _singulars(word: str) -> list[str]:
    """Lists the singular of a noun that is listed without an article; nothing for a word with only one form."""
    if word.endswith("ies"):
        return [word[:-3] + "y"]
    if word.endswith("s") and not word.endswith(("ss", "asses", "acles", "ants", "us")):
        return [word[:-1]]
    return []
