"""Writes what the open world draws, so that the page can say which words and pictures are not of this world.

    python -m training.zoo.concepts [--checkpoint zoo/open-clip] [--gallery zoo/open-gallery] [--out zoo/open-concepts.json]

Two thresholds are chosen, and their errors measured on what did not choose them. A noun counts as another name of a
drawn concept from a cosine on at which other names and the names of other concepts are told apart best, on the half of
the concepts that is called validation. An image is far from the gallery below the cosine to its nearest image that 99
of 100 validation scenes reach; with --gallery "" no image is called far.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safeclip.encoders import Encoder
from safeclip.paths import root
from safeclip.retrieval.gallery import Gallery
from safeclip.runtime.checkpoint_names import locate

from ..data.language.packages import FOLDER
from ..data.language.wordnet import WordNet
from ..data.open_world.concepts.catalogue import catalogue
from ..data.open_world.corpus import world_captions
from ..evaluation.calibration import balanced_threshold
from ..evaluation.open_world.held_out import SEEN, HeldOut
from ..evaluation.open_world.painted import Easel

TOPICS = ("animal", "artifact", "body", "food", "object", "person", "plant")  # of WordNet's nouns that one can draw
CAPTIONS = 4000  # training captions whose words are never foreign
SCENES = 300  # validation quadruplets whose images say how near a scene is to the gallery
FAR = 0.01  # share of the world's own images that are called far
TextEncoder = Callable[[Sequence[str]], np.ndarray]


def drawable_nouns(wordnet: WordNet, known: Iterable[str]) -> list[str]:
    """Single words that are nouns first of all, name a thing that one can draw, and are not known already."""
    counts: dict[str, tuple[int, bool]] = {}
    for lemma in wordnet.lemmas:
        text = lemma.text
        if text.isalpha() and text.islower() and lemma.count > counts.get(text, (-1, False))[0]:
            part, _, topic = lemma.sense.file.partition(".")
            counts[text] = (lemma.count, part == "noun" and topic in TOPICS)
    return sorted({text for text, (_, drawable) in counts.items() if drawable} - set(known))


def is_validation(concept: str) -> bool:
    """Whether a concept helps to choose the threshold; the others measure its errors."""
    return hashlib.sha256(concept.encode()).digest()[0] % 2 == 0


def likeness(names: Mapping[str, Sequence[str]], encode: TextEncoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines (n,) of other names to their concept's first name, and of first names to the nearest other concept.

    Also returned: which of them are other names, and which belong to validation concepts, both bool (n,).
    """
    firsts = list(names)
    points = encode([names[concept][0] for concept in firsts])
    nearest = points @ points.T - 2 * np.eye(len(points))
    scores, same, chosen = list(nearest.max(axis=1)), [False] * len(firsts), [is_validation(name) for name in firsts]
    for row, concept in enumerate(firsts):
        if len(names[concept]) > 1:
            scores += list(encode(names[concept][1:]) @ points[row])
            same += [True] * (len(names[concept]) - 1)
            chosen += [is_validation(concept)] * (len(names[concept]) - 1)
    return np.array(scores, float), np.array(same), np.array(chosen)


def word_threshold(names: Mapping[str, Sequence[str]], encode: TextEncoder) -> tuple[float, dict[str, float]]:
    """The threshold, and the errors on the other half in percent: other names missed, other concepts taken for one."""
    scores, same, chosen = likeness(names, encode)
    threshold, _ = balanced_threshold(scores[chosen], same[chosen])
    missed, taken = scores[~chosen & same] < threshold, scores[~chosen & ~same] >= threshold
    return threshold, {"missed": 100 * float(missed.mean()), "taken": 100 * float(taken.mean())}


def image_threshold(images: np.ndarray, gallery: np.ndarray) -> float:
    """The cosine to the nearest of `gallery` (m, d) that all but the share FAR of `images` (n, d) reach."""
    return float(np.quantile((images @ gallery.T).max(axis=1), FAR))


def concepts_table(encoder: Encoder, wordnet: WordNet, gallery: Gallery | None, easel: Easel) -> dict[str, Any]:
    """The content of `concepts.json`, which `safeclip.encoders.concept_map.ConceptMap.open` reads."""
    known = catalogue()
    names = {concept.name: concept.phrases if concept.place else concept.names for concept in known.concepts}
    words = {word for caption in world_captions(CAPTIONS, seed=0) for word in caption.lower().split()}
    threshold, errors = word_threshold(names, encoder.encode_texts)
    table = {"threshold": round(threshold, 3), "errors": {key: round(value, 1) for key, value in errors.items()}}
    if gallery is not None:
        scenes = HeldOut.draw(SEEN, "validation", SCENES, easel)
        sides = [
            encoder.encode_images(batch) for side in (scenes.images, scenes.unsafe_images) for batch in side.batches()
        ]
        shown = encoder.encode_images([gallery.image(item.image_id) for item in gallery.items])
        table["image_threshold"] = round(image_threshold(np.concatenate(sides), shown), 3)
    nouns = drawable_nouns(wordnet, words)
    return table | {"names": {name: list(called) for name, called in names.items()}, "nouns": " ".join(nouns)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="zoo/open-clip", help="encoder of the first seat")
    parser.add_argument("--gallery", default="zoo/open-gallery", help="gallery of the profile")
    parser.add_argument("--language", type=Path, default=FOLDER, help="where WordNet is kept")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--work", type=Path, default=Path("runs/open-evaluation"), help="where painted scenes are kept")
    parser.add_argument("--out", type=Path, default=root() / "zoo" / "open-concepts.json")
    options = parser.parse_args()
    gallery = Gallery.open(locate(options.gallery)) if options.gallery else None
    easel = Easel(options.artwork, options.work / "painted")
    encoder = Encoder.from_pretrained(locate(options.checkpoint))
    table = concepts_table(encoder, WordNet.fetch(options.language), gallery, easel)
    options.out.write_text(json.dumps(table, ensure_ascii=False) + "\n", encoding="utf-8")
    print({key: value for key, value in table.items() if key not in ("names", "nouns")})


if __name__ == "__main__":
    main()
