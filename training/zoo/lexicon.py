"""Writes the lexicon of the open world, by which captions are judged.

python -m training.zoo.lexicon [--out zoo/lexicon.json]
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safeclip.paths import root

from ..data.judge_labels import visible_contexts
from ..data.open_world.concepts.catalogue import Catalogue, catalogue
from ..data.open_world.concepts.concept import Concept
from ..data.open_world.harm.contexts import Rule, rules
from ..data.open_world.language.nouns import agree, indefinite, parse_noun, plural
from ..data.open_world.scenes.relations import Relation, Relations, relations

NAME = "ViSU-Emoji"
ARTICLES = ("a ", "an ", "the ")
PREPOSITIONS = (
    "in front of", "at the bottom of", "in", "on", "at", "by", "under", "among", "beside", "inside", "behind",
)  # fmt: skip
VERBS_TOO = frozenset({"saw", "fly", "bear"})  # names that are verbs as well


def lexicon(known: Catalogue, linked: Relations, judged: dict[str, Rule]) -> dict[str, Any]:
    """The table that `safeclip.judges.texts.lexicon.Lexicon.open` reads: every concept, the verbs, and what is harm in
    some hands or places alone, as far as names tell.

    What comes in no number stands first: "books" is a thing of its own before it is several books. A place is also
    known by its noun alone ("in the kitchen": "kitchen"), unless another concept has that noun too; a verb is not known
    by a word that names a thing ("knifes").
    """
    things = [_thing(concept) for concept in sorted(known.drawn, key=lambda concept: concept.counts)]
    singles = {_bare(phrase) for row in things for phrase in row["phrases"] if phrase.startswith(ARTICLES)}
    several = {plural(parse_noun(name)) for name in singles}
    for row in things:
        if row["phrases"][0] in several:  # with an article it has no singular of its own
            row["phrases"][0] = f"the {row['phrases'][0]}"
    taken = singles | several | {_bare(phrase) for row in things for phrase in row["phrases"]}
    nouns = Counter(noun for place in known.places for noun in {_noun(phrase) for phrase in _said(place)})
    places = [_place(place, {noun for noun in nouns if nouns[noun] == 1} - taken) for place in known.places]
    verbs = [_verb(verb, taken) for verb in linked.of_group("verb")]
    contexts = [asdict(context) for context in visible_contexts(judged)]
    return {"name": NAME, "concepts": [*things, *places, *verbs], "contexts": contexts}


def _thing(concept: Concept) -> dict[str, Any]:
    """A row with all names, those for a man and a woman and the plural among them."""
    names = [name for name in (*concept.names, concept.man, concept.woman) if name]
    phrases = [indefinite(parse_noun(name, concept.mass, concept.pair)) for name in names]
    if concept.counts:
        phrases.append(plural(parse_noun(concept.name), concept.plural))
    row = {"concept": concept.name, "kind": _kind(concept), "phrases": _once(phrases)}
    if concept.unsafe:
        row["category"] = concept.kind
    if verbs := sorted(VERBS_TOO & set(names)):
        row["nouns"] = verbs
    return row


def _kind(concept: Concept) -> str:
    return "subject" if concept.acts else "unsafe" if concept.unsafe else "safe"


def _place(concept: Concept, free: set[str]) -> dict[str, Any]:
    """A row without what stands beside a thing: in captions "beside the bed" is no bedroom."""
    alone = [noun for phrase in _said(concept) if (noun := _noun(phrase)) in free]
    phrases = [phrase for phrase in concept.phrases if not phrase.startswith("beside ")]
    return {"concept": concept.name, "kind": "place", "phrases": _once([*phrases, *alone])}


def _verb(verb: Relation, taken: set[str]) -> dict[str, Any]:
    """A row with the participles and the finite forms of one and of many."""
    finite = [form for each in verb.finite for form in (each, agree(each, "many"))]
    phrases = [phrase for phrase in _once([*verb.phrases, *finite]) if phrase not in taken]
    row = {"concept": verb.name, "kind": "unsafe" if verb.unsafe else "safe", "phrases": phrases}
    return {**row, "category": verb.category} if verb.unsafe else row


def _said(place: Concept) -> tuple[str, ...]:
    return (*place.phrases, *place.names)


def _once(phrases: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(phrases))


def _bare(phrase: str) -> str:
    """A phrase without its article."""
    for article in ARTICLES:
        if phrase.startswith(article):
            return phrase.removeprefix(article)
    return phrase


def _noun(phrase: str) -> str:
    """A phrase of place without its preposition and its article."""
    for preposition in PREPOSITIONS:
        if phrase.startswith(preposition + " "):
            return _bare(phrase.removeprefix(preposition + " "))
    return _bare(phrase)


def write(path: Path) -> None:
    """Writes the lexicon of the open world, one concept and one rule a line."""
    table = lexicon(catalogue(), relations(), rules())
    lists = ",\n".join(f'  "{key}": [\n{_lines(table[key])}\n  ]' for key in ("concepts", "contexts"))
    path.write_text(f'{{\n  "name": {json.dumps(table["name"])},\n{lists}\n}}\n', encoding="utf-8")


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=root() / "zoo" / "lexicon.json")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
