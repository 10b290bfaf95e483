"""Evaluates a profile's encoders on the test split: retrieval, paired preferences, zero-shot accuracy, an unseen style.

    python -m training.evaluation.retrieval --profile emoji

Prints tables and writes the figures into `zoo/metrics.json`, in percent. The images are those of the profile's gallery;
only the unseen art style is rendered anew, for which the artwork is fetched once (skip it with --no-unseen-style).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import safeclip
from safeclip.encoders import Encoder
from safeclip.retrieval import metrics

from ..data.emoji.rendering.artwork import UNSEEN_STYLE
from ..data.emoji.world.concepts import world
from .command import build_parser, provenance, run
from .quadruplets import QuadrupletEmbeddings, TestSet, embed_test_set, gallery_test_set, unseen_style_test_set
from .report import TEXT_DIRECTIONS, retrieval_tables
from .zero_shot import zero_shot

QUADRUPLETS = 1000


def measure(
    encoder: Encoder, seen: QuadrupletEmbeddings, reference: QuadrupletEmbeddings, test: TestSet
) -> dict[str, dict]:
    """Every figure of one encoder, in percent: {"retrieval", "paired", "by_category", "zero_shot", "text_tower_alone"}.

    The last are the two directions from texts when they search the images of `reference`, the first seat. That is the
    effect of swapping the text tower over an existing index: an unsafe image stays where it was, and cannot compete
    with its safe twin for a redirected text.
    """
    T, Tu, V, Vu = seen.text, seen.unsafe_text, seen.image, seen.unsafe_image
    alone = metrics.directions(T, Tu, reference.image, reference.unsafe_image)
    return {
        "retrieval": metrics.directions(T, Tu, V, Vu),
        "paired": metrics.paired(T, Tu, V, Vu),
        "by_category": metrics.by_category(test.categories, T, Tu, V, Vu),
        "zero_shot": zero_shot(encoder, V, test.names, world()),
        "text_tower_alone": {name: alone[name] for name in TEXT_DIRECTIONS},
    }


def by_seat(encoders: dict[str, Encoder], test: TestSet) -> dict[str, dict[str, dict]]:
    """Figures by kind, then by seat; the first seat is the reference."""
    seen = {seat: embed_test_set(encoder, test) for seat, encoder in encoders.items()}
    reference = next(iter(seen.values()))
    measured = {seat: measure(encoder, seen[seat], reference, test) for seat, encoder in encoders.items()}
    kinds = next(iter(measured.values()))
    return {kind: {seat: _rounded(figures[kind]) for seat, figures in measured.items()} for kind in kinds}


def _rounded(figures):
    if isinstance(figures, dict):
        return {key: _rounded(value) for key, value in figures.items()}
    return round(float(figures), 2)


def evaluate(profile: str, count: int, artwork: Path | None) -> dict:
    """All figures of a profile, in the shape of `zoo/metrics.json`. Raises SafeClipError when a seat cannot load."""
    lab = safeclip.open(profile)
    encoders = {seat.key: lab.encoders[seat.key] for seat in lab.profile.seats}
    test = gallery_test_set(lab.gallery, count)
    result = {"profile": profile, "n": len(test), **provenance("retrieval", profile), **by_seat(encoders, test)}
    if artwork:
        unseen = by_seat(encoders, unseen_style_test_set(test, artwork))
        kept = {kind: unseen[kind] for kind in ("retrieval", "zero_shot")}
        result["unseen_style"] = {"style": UNSEEN_STYLE, **kept}
    return result


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__, QUADRUPLETS)
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--unseen-style", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args(argv)
    artwork = options.artwork if options.unseen_style else None
    return run(
        "retrieval",
        options.output,
        lambda: evaluate(options.profile, options.quadruplets, artwork),
        retrieval_tables,
    )


if __name__ == "__main__":
    sys.exit(main())
