"""Measures a profile's encoders on the test split: retrieval, paired preferences, zero-shot accuracy, an unseen style.

    python -m training.evaluation.retrieval --profile emoji

Prints a table and writes it into `zoo/metrics.json`, in percent. The pictures are those of the profile's gallery; only
the unseen art style is painted anew, for which the artwork is fetched once (skip it with --no-unseen-style).
"""

import argparse
import datetime
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

import safeclip
from safeclip.encoders import Encoder
from safeclip.errors import SafeClipError
from safeclip.profiles import resolve
from safeclip.retrieval import metrics
from safeclip.retrieval.gallery import Gallery, Item

from ..data.emoji.rendering.artwork import UNSEEN_STYLE
from ..data.emoji.rendering.renderer import GALLERY_SIZE, SceneRenderer
from ..data.emoji.world.concepts import world
from ..zoo.gallery import gallery_quadruplets
from .report import TEXT_DIRECTIONS, print_tables
from .zero_shot import zero_shot

QUADRUPLETS = 1000


@dataclass
class TestSet:
    """n quadruplets, row i of each list from quadruplet i."""

    text: list[str]
    unsafe_text: list[str]
    image: list[Image.Image]
    unsafe_image: list[Image.Image]
    categories: list[str]
    names: dict[str, list[str]]  # the safe pictures' true concepts: "subject", "object", "place"

    def __len__(self) -> int:
        return len(self.text)


def gallery_pairs(gallery: Gallery, count: int) -> list[tuple[Item, Item]]:
    """The safe and the unsafe item of a gallery's first `count` quadruplets. Raises ValueError when it holds fewer."""
    safe = {item.image_id: item for item in gallery.items if not item.unsafe}
    pairs = [(safe[item.twin], item) for item in gallery.items if item.unsafe][:count]
    if len(pairs) < count:
        raise ValueError(f"{gallery.path} holds {len(pairs)} quadruplets, not {count}")
    return pairs


def gallery_test_set(gallery: Gallery, count: int) -> TestSet:
    """The first `count` quadruplets of a gallery. Raises ValueError when it holds fewer."""
    pairs = gallery_pairs(gallery, count)
    return TestSet(
        [safe_item.caption for safe_item, _ in pairs],
        [unsafe_item.caption for _, unsafe_item in pairs],
        [gallery.image(safe_item.image_id) for safe_item, _ in pairs],
        [gallery.image(unsafe_item.image_id) for _, unsafe_item in pairs],
        [unsafe_item.category for _, unsafe_item in pairs],
        {kind: [getattr(item, kind) for item, _ in pairs] for kind in ("subject", "object", "place")},
    )


def unseen_style_test_set(test: TestSet, artwork: Path) -> TestSet:
    """The same quadruplets, painted in the art style that no model was trained on."""
    painter = SceneRenderer.open(artwork, world(), GALLERY_SIZE)
    scenes = gallery_quadruplets(len(test))
    return replace(
        test,
        image=[painter.paint(replace(each.safe, style=UNSEEN_STYLE)) for each in scenes],
        unsafe_image=[painter.paint(replace(each.unsafe, style=UNSEEN_STYLE)) for each in scenes],
    )


@dataclass(frozen=True)
class TestEmbeddings:
    """One encoder's view of n quadruplets: T, T*, V, V*, each float32 (n, d), L2-normalised."""

    text: np.ndarray
    unsafe_text: np.ndarray
    image: np.ndarray
    unsafe_image: np.ndarray

    @classmethod
    def of(cls, encoder: Encoder, test: TestSet) -> "TestEmbeddings":
        return cls(
            encoder.encode_texts(test.text),
            encoder.encode_texts(test.unsafe_text),
            encoder.encode_images(test.image),
            encoder.encode_images(test.unsafe_image),
        )


def measure(encoder: Encoder, seen: TestEmbeddings, reference: TestEmbeddings, test: TestSet) -> dict[str, dict]:
    """Every figure of one encoder, in percent: {"retrieval", "paired", "by_category", "zero_shot", "text_tower_alone"}.

    The last are the two directions from texts when they search the pictures of `reference`, the first seat. It is what
    swapping the text tower over an existing index does: an unsafe picture stays where it was, and cannot compete with
    its safe twin for a redirected text.
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
    seen = {seat: TestEmbeddings.of(encoder, test) for seat, encoder in encoders.items()}
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
    result = {
        "profile": profile,
        "n": len(test),
        "command": f"python -m training.evaluation.retrieval --profile {profile}",
        "date": datetime.date.today().isoformat(),
        **by_seat(encoders, test),
    }
    if artwork:
        unseen = by_seat(encoders, unseen_style_test_set(test, artwork))
        result["unseen_style"] = {
            "style": UNSEEN_STYLE,
            "retrieval": unseen["retrieval"],
            "zero_shot": unseen["zero_shot"],
        }
    return result


def merge_into(path: Path, result: dict) -> None:
    """Write the figures into a metrics file; what other evaluations wrote there stays."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**known, **result}, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--quadruplets", type=int, default=QUADRUPLETS, help="N, from the start of the gallery")
    parser.add_argument("--output", type=Path, default=None, help="metrics file (default: zoo/metrics.json)")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--unseen-style", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    try:
        result = evaluate(options.profile, options.quadruplets, options.artwork if options.unseen_style else None)
    except (SafeClipError, ValueError, RuntimeError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    print_tables(result)
    merge_into(options.output or resolve("zoo/metrics.json"), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
