"""Evaluates captioning: a profile's LLaVA describes the test images with the vision tower of every seat.

    python -m training.evaluation.captioning --profile emoji

Prints a table and writes it into `zoo/metrics.json` as "captioning": in percent, with 95 % intervals. The images are
the first quadruplets of the profile's gallery, the question is the profile's first one, and answers are greedy.
"""

import sys
from collections.abc import Sequence

import safeclip
from safeclip.captioning.compare import Captioning
from safeclip.errors import ProfileError
from safeclip.judges.texts.lexicon import Lexicon
from safeclip.paths import resolve
from safeclip.retrieval.gallery import Gallery, Item

from .caption_figures import caption_figures
from .command import build_parser, provenance, run
from .quadruplets import gallery_pairs
from .report import captioning_table

QUADRUPLETS = 1000
MAX_NEW_TOKENS = 32
IMAGES_AT_ONCE = 64  # in memory


def evaluate(profile: str, count: int) -> dict:
    """The figures of every seat, in the shape of `zoo/metrics.json`.

    Raises SafeClipError when a seat cannot answer or the profile names no lexicon, ValueError when the gallery is too
    small or shows a concept that the lexicon lacks.
    """
    lab = safeclip.open(profile)
    captioning = lab.captioning
    if not captioning.spec.lexicon:
        raise ProfileError(f"The profile “{profile}” names no lexicon to judge captions by.")
    lexicon = Lexicon.open(resolve(captioning.spec.lexicon))
    pairs = gallery_pairs(lab.gallery, count)
    safe = _captions(captioning, lab.gallery, [item for item, _ in pairs])
    unsafe = _captions(captioning, lab.gallery, [item for _, item in pairs])
    return {
        "captioning": {
            **provenance("captioning", profile),
            "question": captioning.questions[0],
            **{seat: caption_figures(pairs, safe[seat], unsafe[seat], lexicon) for seat in captioning.seats},
        }
    }


def _captions(captioning: Captioning, gallery: Gallery, items: list[Item]) -> dict[str, list[str]]:
    """Seat key → a caption of each item's image."""
    captions: dict[str, list[str]] = {seat: [] for seat in captioning.seats}
    for start in range(0, len(items), IMAGES_AT_ONCE):
        images = [gallery.image(item.image_id) for item in items[start : start + IMAGES_AT_ONCE]]
        for seat, texts in captioning.answer_batch(images, max_new_tokens=MAX_NEW_TOKENS).items():
            captions[seat] += texts
    return captions


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser(__doc__, QUADRUPLETS).parse_args(argv)
    return run(
        "captioning",
        options.output,
        lambda: evaluate(options.profile, options.quadruplets),
        lambda result: [captioning_table(result["captioning"])],
    )


if __name__ == "__main__":
    sys.exit(main())
