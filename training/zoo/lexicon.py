"""Writes the lexicon of the emoji world, by which captions are judged.

python -m training.zoo.lexicon [--out zoo/lexicon.json]
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from safeclip.paths import root

from ..data.emoji.world.concepts import ARTICLES, Concept, World, world

PREPOSITIONS = ("in front of", "at the bottom of", "in", "on", "at", "by", "under", "among", "beside", "inside")
NOUNS = frozenset({"saw"})  # words of unsafe concepts that are verbs as well


def lexicon(world: World) -> dict[str, Any]:
    """The table that `safeclip.judges.texts.lexicon.Lexicon.open` reads.

    A place is also known by its noun alone ("in the kitchen": "kitchen"), unless another concept has that noun too.
    """
    nouns = Counter(noun for place in world.places for noun in {_noun(phrase) for phrase in place.words})
    rows = []
    for concept in world.concepts:
        row: dict[str, Any] = {"concept": _name(concept), "kind": concept.kind, "phrases": list(concept.words)}
        if concept.kind == "place":
            alone = [_noun(phrase) for phrase in concept.words]
            row["phrases"] += [noun for noun in dict.fromkeys(alone) if nouns[noun] == 1 and noun not in concept.words]
        if concept.category:
            row["category"] = concept.category
        if verbs := sorted(NOUNS & {word for phrase in concept.words for word in phrase.split()}):
            row["nouns"] = verbs
        rows.append(row)
    return {"name": "ViSU-Emoji", "concepts": rows}


def write(path: Path) -> None:
    """Writes the lexicon of the world, one concept a line."""
    table = lexicon(world())
    rows = ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in table["concepts"])
    text = f'{{\n  "name": {json.dumps(table["name"])},\n  "concepts": [\n{rows}\n  ]\n}}\n'
    path.write_text(text, encoding="utf-8")


def _name(concept: Concept) -> str:
    return concept.backdrop or concept.name


def _noun(phrase: str) -> str:
    """A phrase of place without its preposition and its article."""
    for preposition in PREPOSITIONS:
        if phrase.startswith(preposition + " "):
            phrase = phrase.removeprefix(preposition + " ")
            break
    for article in (*ARTICLES, "the "):
        if phrase.startswith(article):
            return phrase.removeprefix(article)
    return phrase


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=root() / "zoo" / "lexicon.json")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
