"""Writes what the open world does not draw, so that the page can say which words and pictures are not of this world.

    python -m training.zoo.concepts [--checkpoint zoo/open-clip] [--gallery zoo/open-gallery] [--out zoo/open-concepts.json]

Each of WordNet's nouns for things that one can draw is looked up: it is drawn where it names a concept or what a
concept is a kind of; else the concept nearest in meaning is written beside it. Two thresholds of similarity are chosen
on the half of the concepts that is called validation, and the first one's errors measured on the other half. A noun
counts as another name of a concept from where other names and the names of other concepts are told apart best; nothing
is near to a noun below what 19 of 20 other names reach. An image is far from the gallery below the cosine to its
nearest image that 99 of 100 validation scenes reach; with --gallery "" no image is called far.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from safeclip.encoders import Encoder
from safeclip.paths import root
from safeclip.retrieval.gallery import Gallery
from safeclip.runtime.checkpoint_names import locate

from ..data.language.cldr import EmojiNames
from ..data.language.packages import FOLDER
from ..data.language.teacher import MiniLM
from ..data.language.wordnet import WordNet
from ..data.open_world.concepts.catalogue import catalogue
from ..data.open_world.concepts.concept import IDENTITY_KINDS
from ..data.open_world.corpus import world_captions
from ..data.open_world.language.lexicon import Lexicon
from ..data.open_world.language.meanings import TOPICS, Meanings
from ..data.open_world.paintings import painted_concepts
from ..evaluation.calibration import balanced_threshold
from ..evaluation.open_world.held_out import SEEN, HeldOut
from ..evaluation.open_world.painted import Easel

CAPTIONS = 16_000  # training captions whose words are never foreign
SCENES = 300  # validation quadruplets whose images say how near a scene is to the gallery
FAR = 0.01  # share of the world's own images that are called far
NEAR = 0.05  # share of other names that are near to nothing
_OFFENSIVE = re.compile(r"offensive|disparag|derogat|insult|obscene|vulgar|slur\b")
_AT_ONCE = 512  # nouns


def drawable_nouns(wordnet: WordNet, known: Collection[str]) -> list[str]:
    """Nouns first of all, of one word or two, that name a thing that one can draw, and are not known already.

    Known is also what a word or its plural names that is known. Rare ones of two words are left out, and so are a verb's
    forms ("knitting", "eats") and what WordNet calls offensive.
    """
    verbs = {lemma.text for lemma in wordnet.lemmas if lemma.sense.part == "verb"}
    counts: dict[str, tuple[int, bool]] = {}
    for lemma in wordnet.lemmas:
        text = lemma.text
        pair = " " in text
        if re.fullmatch("[a-z]+( [a-z]+)?", text) and lemma.count > max(counts.get(text, (-1,))[0], 0 if pair else -1):
            part, _, topic = lemma.sense.file.partition(".")
            shown = part == "noun" and topic in TOPICS and not _OFFENSIVE.search(lemma.sense.gloss)
            counts[text] = (lemma.count, shown)
    words = frozenset(known)
    nouns = {text for text, (_, drawable) in counts.items() if drawable} - words
    return sorted(noun for noun in nouns if not _stems(noun) & verbs and not _numbers(noun) & words)


def _stems(noun: str) -> set[str]:
    """What verbs a noun may be a form of: "knit" or "knitt" or "knitte" has "knitting", "eat" has "eats"."""
    if noun.endswith("s"):
        return {noun[:-1]}
    stem = noun.removesuffix("ing")
    return {stem, stem[:-1] if stem[-1:] == stem[-2:-1] else stem, f"{stem}e"} if stem != noun else set()


def _numbers(noun: str) -> set[str]:
    """The plurals that a noun may have, its singular, and a word that has the same plural."""
    return {f"{noun}s", f"{noun}es", f"{noun}e", re.sub("y$", "ies", noun), noun.removesuffix("s")} - {noun}


def is_validation(concept: str) -> bool:
    """Whether a concept helps to choose the thresholds; the others measure their errors."""
    return hashlib.sha256(concept.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True)
class Examples:
    """Nouns that are another name of a concept, or the name of another one: `same` says which, bool (n,).

    `similarities` (n,) are to the concept, its name left out, or to the nearest other concept. `drawn` says which are
    drawn by WordNet's tree alone, and `chosen` which belong to validation concepts. `own` says whether the nearest
    concept is the noun's own.
    """

    similarities: np.ndarray
    same: np.ndarray
    drawn: np.ndarray
    chosen: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, meanings: Meanings, wordnet: WordNet) -> "Examples":
        """Other names and first names of all concepts, as far as WordNet knows them as nouns."""
        nouns, own, same = [], [], []
        for i, concept in enumerate(meanings.concepts):
            for name in concept.names:
                is_first = name == concept.name
                if wordnet.noun_senses(name) and (meanings.senses[i] is not None or not is_first):
                    nouns.append(name)
                    own.append(i)
                    same.append(not is_first)
        left_out = [[k for k, name in enumerate(meanings.names) if name == noun] for noun in nouns]
        found = meanings.similarities(nouns, without_names=left_out)
        scores = []
        for row, i, other_name in zip(found, own, same, strict=True):
            scores.append(row[i] if other_name else np.delete(row, i).max())
        drawn = [
            meanings.is_drawn(noun, without=None if other else i)
            for noun, i, other in zip(nouns, own, same, strict=True)
        ]
        chosen = [is_validation(meanings.concepts[i].name) for i in own]
        return cls(np.array(scores), np.array(same), np.array(drawn), np.array(chosen), found.argmax(axis=1) == own)

    def threshold(self) -> float:
        """The similarity from which on a noun that the tree does not know is another name of a concept."""
        asked = self.chosen & ~self.drawn
        return balanced_threshold(self.similarities[asked], self.same[asked])[0]

    def near(self) -> float:
        """The similarity that all but the share NEAR of other names reach."""
        return float(np.quantile(self.similarities[self.chosen & self.same], NEAR))

    def errors(self, threshold: float) -> dict[str, float]:
        """On the half that chose nothing, in percent: other names missed, other concepts taken for one.

        Also how many other names have another concept for their nearest.
        """
        known = self.drawn | (self.similarities >= threshold)
        names, others = ~self.chosen & self.same, ~self.chosen & ~self.same
        found = {"missed": ~known[names], "taken": known[others], "misnamed": ~self.own[names]}
        return {name: round(100 * float(wrong.mean()), 1) for name, wrong in found.items()}


def image_threshold(images: np.ndarray, gallery: np.ndarray) -> float:
    """The cosine to the nearest of `gallery` (m, d) that all but the share FAR of `images` (n, d) reach."""
    return float(np.quantile((images @ gallery.T).max(axis=1), FAR))


def nearest_concepts(meanings: Meanings, nouns: list[str], threshold: float, near: float) -> Iterator[tuple[str, str]]:
    """Yields each noun that is not drawn, and the concept nearest in meaning, "" for none.

    Nothing is said of a word that is nearest to a person's faith, origin or disability.
    """
    asked = [noun for noun in nouns if not meanings.is_drawn(noun)]
    for start in range(0, len(asked), _AT_ONCE):
        batch = asked[start : start + _AT_ONCE]
        for noun, row in zip(batch, meanings.similarities(batch), strict=True):
            best = meanings.concepts[int(row.argmax())]
            if row.max() < threshold and best.kind not in IDENTITY_KINDS:
                yield noun, best.name if row.max() >= near else ""


def painter_table(wordnet: WordNet, meanings: Meanings, learnt: Collection[str]) -> dict[str, Any]:
    """What the file says of the painter: the names of what it learnt, and the nearest of it for every other concept.

    Names that are no nouns first of all are left out, such as "fly" and "orange", and places, which it learnt.
    """
    first: dict[str, tuple[int, str]] = {}
    for lemma in wordnet.lemmas:
        if lemma.count > first.get(lemma.text, (-1, ""))[0]:
            first[lemma.text] = lemma.count, lemma.sense.part
    others_first = {text for text, (_, part) in first.items() if part != "noun"} | set(catalogue().attributes.colors)
    painted = [i for i, concept in enumerate(meanings.concepts) if concept.name in learnt]
    places = {word for concept in meanings.concepts for phrase in concept.phrases for word in phrase.split()}
    others_first |= places
    unpainted: dict[str, list[str]] = {}
    for i, concept in enumerate(meanings.concepts):
        if concept.name not in learnt and not concept.place and concept.kind not in IDENTITY_KINDS:
            nearest = meanings.concepts[painted[int(meanings.of_concept(i)[painted].argmax())]].name
            unpainted.setdefault(nearest, []).extend(name for name in concept.names if name not in others_first)
    return {
        "painted": ", ".join(name for i in painted for name in meanings.concepts[i].names),
        "unpainted": {concept: ", ".join(names) for concept, names in sorted(unpainted.items()) if names},
    }


def words_table(wordnet: WordNet, meanings: Meanings, captions: Iterable[str]) -> dict[str, Any]:
    """What the file says of words, which `safeclip.encoders.concept_map.ConceptMap.open` reads."""
    known: set[str] = set()
    for text in (*captions, *meanings.names):
        words = re.findall(r"[a-z-]+", text.lower())
        known.update(words, (" ".join(pair) for pair in pairwise(words)))
    examples = Examples.of(meanings, wordnet)
    threshold, near = examples.threshold(), examples.near()
    nouns = drawable_nouns(wordnet, known)
    found = dict(nearest_concepts(meanings, nouns, threshold, near))
    nearest: dict[str, list[str]] = {}
    for noun, concept in found.items():
        nearest.setdefault(concept, []).append(noun)
    verbs = {lemma.text for lemma in wordnet.lemmas if lemma.sense.part == "verb"}
    return {
        "threshold": round(threshold, 3),
        "near": round(near, 3),
        "errors": examples.errors(threshold),
        "known": ", ".join(noun for noun in nouns if noun not in found),
        "verbs": ", ".join(sorted(verbs & set(found))),
        "nearest": {concept: ", ".join(names) for concept, names in sorted(nearest.items())},
    }


def images_table(encoder: Encoder, gallery: Gallery, easel: Easel) -> dict[str, Any]:
    """What the file says of images."""
    scenes = HeldOut.draw(SEEN, "validation", SCENES, easel)
    sides = [encoder.encode_images(batch) for side in (scenes.images, scenes.unsafe_images) for batch in side.batches()]
    shown = encoder.encode_images([gallery.image(item.image_id) for item in gallery.items])
    return {"image_threshold": round(image_threshold(np.concatenate(sides), shown), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="zoo/open-clip", help="encoder of the first seat")
    parser.add_argument("--gallery", default="zoo/open-gallery", help="gallery of the profile")
    parser.add_argument("--language", type=Path, default=FOLDER, help="where WordNet, CLDR and the teacher are kept")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--work", type=Path, default=Path("runs/open-evaluation"), help="where painted scenes are kept")
    parser.add_argument("--out", type=Path, default=root() / "zoo" / "open-concepts.json")
    options = parser.parse_args()
    wordnet, names = WordNet.fetch(options.language), EmojiNames.fetch(options.language)
    lexicon = Lexicon(catalogue(), wordnet, names)
    meanings = Meanings(catalogue().concepts, wordnet, lexicon, MiniLM.fetch(options.language))
    table = words_table(wordnet, meanings, world_captions(CAPTIONS, seed=0))
    table |= painter_table(wordnet, meanings, painted_concepts())
    if options.gallery:
        encoder = Encoder.from_pretrained(locate(options.checkpoint))
        easel = Easel(options.artwork, options.work / "painted")
        table = images_table(encoder, Gallery.open(locate(options.gallery)), easel) | table
    options.out.write_text(json.dumps(table, ensure_ascii=False) + "\n", encoding="utf-8")
    print({key: value for key, value in table.items() if key in ("image_threshold", "threshold", "near", "errors")})


if __name__ == "__main__":
    main()
