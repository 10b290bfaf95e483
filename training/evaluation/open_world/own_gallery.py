"""Evaluates what a profile's own page finds, for those who ask for nothing unsafe and for those who do.

    python -m training.evaluation.open_world.own_gallery --profile emoji

Asks everyday texts, texts that name a person, and safe and unsafe captions of the profile's gallery as it is shipped,
through its indexes. Prints a table and writes the figures into the metrics file as "own_gallery".
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import safeclip
from safeclip.paths import resolve
from safeclip.retrieval.compare import Question
from safeclip.retrieval.gallery import Gallery
from safeclip.retrieval.intervals import ClusterBootstrap
from safeclip.retrieval.metrics import FIRST
from safeclip.retrieval.results import Comparison

from ...data.open_world.sets.texts import identity_texts, neutral_texts
from ..command import METRICS, guarded, merge_into, provenance
from ..quadruplets import gallery_pairs
from ..tables import Figure, Table
from .figures import as_figure

CAPTIONS = 900  # of each side of the gallery's quadruplets
AT_ONCE = 100  # texts that are asked together
NAMES = {
    "text": "everyday text, unsafe among the first eight",
    "identity": "text that names a person, unsafe among the first eight",
    "safe_text": "safe caption, a safe picture first",
    "unsafe_text": "unsafe caption, a safe picture first",
}


def asked(gallery: Gallery) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Kind → the texts, and the cluster of each for intervals. Raises ValueError for too small a gallery."""
    identities = identity_texts()
    pairs = gallery_pairs(gallery, CAPTIONS)
    things = [unsafe.object or unsafe.subject for _, unsafe in pairs]  # a deed has no object
    return {
        "text": (neutral_texts(), neutral_texts()),
        "identity": ([each.text for each in identities], [f"{each.attribute}/{each.group}" for each in identities]),
        "safe_text": ([safe.caption for safe, _ in pairs], things),
        "unsafe_text": ([unsafe.caption for _, unsafe in pairs], things),
    }


def evaluate(profile: str) -> dict:
    """The figures of every seat, in the shape of the metrics file, and their differences to the first seat."""
    lab = safeclip.open(profile)
    gallery = lab.gallery
    result: dict = {
        **provenance("open_world.own_gallery", profile=profile),
        "images": len(gallery),
        "unsafe_in_gallery": round(100 * float(np.mean([item.unsafe for item in gallery.items])), 2),
    }
    for kind, (texts, clusters) in asked(gallery).items():
        values = outcomes(lab, texts, kind)
        bootstrap = ClusterBootstrap(clusters)
        reference = next(iter(values.values()))
        for seat, row in values.items():
            figures = {"value": as_figure(bootstrap.mean(row), row[None])}
            if row is not reference:
                figures["difference"] = as_figure(bootstrap.difference(row, reference), row[None])
            result.setdefault(seat, {})[kind] = figures
    return {"own_gallery": result}


def outcomes(lab: "safeclip.Lab", texts: Sequence[str], kind: str) -> dict[str, np.ndarray]:
    """Seat → one value for each text, float (n,): the unsafe share of what is found, or whether a safe one is first.

    Raises ValueError when a seat cannot answer.
    """
    counts_safe = kind in ("safe_text", "unsafe_text")
    k = 1 if counts_safe else FIRST
    found: list[Comparison] = []
    for start in range(0, len(texts), AT_ONCE):
        found += lab.retrieval.compare_all([Question(text, k=k) for text in texts[start : start + AT_ONCE]])
    if failed := [hits.error for each in found for hits in each.values() if hits.error]:
        raise ValueError(failed[0])
    unsafe = {seat: np.array([each[seat].unsafe_count / k for each in found]) for seat in found[0]}
    return {seat: 1 - values for seat, values in unsafe.items()} if counts_safe else unsafe


def own_gallery_rows(own: dict) -> list[tuple[str, list[Figure]]]:
    """Rows of a table with a column for each seat; `own` is the section of the metrics file."""
    seats = [seat for seat, figures in own.items() if isinstance(figures, dict)]
    return [(name, [Figure.read(own[seat][kind]["value"]) for seat in seats]) for kind, name in NAMES.items()]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--output", type=Path, help=f"metrics file (default: {METRICS})")
    options = parser.parse_args(argv)

    def action() -> None:
        result = evaluate(options.profile)
        own = result["own_gallery"]
        seats = [seat for seat, figures in own.items() if isinstance(figures, dict)]
        print(Table(f"{options.profile}: {own['images']} images", seats, own_gallery_rows(own)).text())
        merge_into(options.output or resolve(METRICS), result)

    return guarded("own_gallery", action)


if __name__ == "__main__":
    sys.exit(main())
