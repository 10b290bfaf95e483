"""Words of harm beyond the concepts that are drawn: the hyponyms, in WordNet, of the nouns of `vocabulary.toml`."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...language.wordnet import Synset, WordNet
from ..splits import Splits

TABLE = Path(__file__).with_name("vocabulary.toml")
Vocabulary = dict[str, tuple[str, ...]]  # category → words in lower case, sorted


def harmful_words(wordnet: WordNet, tables: Splits, path: Path = TABLE) -> Vocabulary:
    """The words of each category.

    Left out are the exceptions of the table, what names a safe concept, and whatever shares a word, a sense or a
    hypernym with an unsafe concept that `tables` keep out of fine-tuning. Raises ValueError for a root that WordNet
    does not know.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    held = {name.lower() for each in tables.catalogue.unsafe if tables.held.get(each.name) for name in each.names}
    safe = {name.lower() for each in tables.catalogue.concepts if not each.unsafe for name in each.names}
    left_out = {form for name in (*held, *table["except"]) for form in (name, *_singular(name))}
    near = {synset.offset for word in left_out for synset in wordnet.noun_senses(word)}
    parts = {form for name in held for word in name.split() for form in (word, *_singular(word))}

    def words(roots: Iterable[str]) -> Iterator[str]:
        for synset in _below(wordnet, roots, path):
            if near.isdisjoint(_senses_above(wordnet, synset)):
                yield from (word for word in synset.lemmas if word.islower())

    return {
        category: tuple(sorted(word for word in set(words(roots)) - safe if parts.isdisjoint(word.split())))
        for category, roots in table["roots"].items()
    }


def _below(wordnet: WordNet, roots: Iterable[str], path: Path) -> Iterator[Synset]:
    """The first senses of the roots, and every sense below one of them."""
    wanted = set()
    for root in roots:
        senses = wordnet.noun_senses(root)
        if not senses:
            raise ValueError(f"{path.name}: WordNet knows no noun {root!r}")
        wanted.add(senses[0].offset)
    for synset in wordnet.synsets:
        if synset.part == "noun" and not wanted.isdisjoint(_senses_above(wordnet, synset)):
            yield synset


def _senses_above(wordnet: WordNet, synset: Synset) -> set[int]:
    """A sense and its hypernyms."""
    return {synset.offset, *(each.offset for each in wordnet.ancestors(synset))}


def _singular(word: str) -> tuple[str, ...]:
    return (word[:-1],) if word.endswith("s") else ()
