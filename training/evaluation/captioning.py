"""Measures what a profile's LLaVA says of test pictures through the eyes of every seat.

    python -m training.evaluation.captioning --profile emoji

Prints a table and writes it into `zoo/metrics.json` as "captioning": in percent, with 95 % intervals. The pictures are
the first quadruplets of the profile's gallery, the question is the profile's first one, and answers are greedy.
"""

import argparse
import datetime
import sys
from pathlib import Path

import safeclip
from safeclip.captioning.compare import Captioning
from safeclip.errors import ProfileError, SafeClipError
from safeclip.judges.texts.lexicon import Lexicon
from safeclip.profiles import resolve
from safeclip.retrieval.gallery import Gallery, Item

from .caption_figures import caption_figures
from .report import print_captioning
from .retrieval import gallery_pairs, merge_into

QUADRUPLETS = 1000
MAX_NEW_TOKENS = 32
PICTURES_AT_ONCE = 64  # in memory


def evaluate(profile: str, count: int) -> dict:
    """The figures of every seat, in the shape of `zoo/metrics.json`.

    Raises SafeClipError when a seat cannot answer or the profile names no lexicon, ValueError when the gallery is too
    small or shows what the lexicon does not know.
    """
    lab = safeclip.open(profile)
    captioning = lab.captioning
    if not captioning.spec.lexicon:
        raise ProfileError(f"The profile “{profile}” names no lexicon, so nobody can tell what a caption names.")
    lexicon = Lexicon.open(resolve(captioning.spec.lexicon))
    pairs = gallery_pairs(lab.gallery, count)
    safe = _captions(captioning, lab.gallery, [item for item, _ in pairs])
    unsafe = _captions(captioning, lab.gallery, [item for _, item in pairs])
    return {
        "captioning": {
            "command": f"python -m training.evaluation.captioning --profile {profile}",
            "date": datetime.date.today().isoformat(),
            "question": captioning.questions[0],
            **{seat: caption_figures(pairs, safe[seat], unsafe[seat], lexicon) for seat in captioning.seats},
        }
    }


def _captions(captioning: Captioning, gallery: Gallery, items: list[Item]) -> dict[str, list[str]]:
    """Seat key → a caption of each item's picture."""
    captions: dict[str, list[str]] = {seat: [] for seat in captioning.seats}
    for start in range(0, len(items), PICTURES_AT_ONCE):
        pictures = [gallery.image(item.image_id) for item in items[start : start + PICTURES_AT_ONCE]]
        for seat, texts in captioning.answer_batch(pictures, max_new_tokens=MAX_NEW_TOKENS).items():
            captions[seat] += texts
    return captions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--quadruplets", type=int, default=QUADRUPLETS, help="N, from the start of the gallery")
    parser.add_argument("--output", type=Path, default=None, help="metrics file (default: zoo/metrics.json)")
    options = parser.parse_args()
    try:
        result = evaluate(options.profile, options.quadruplets)
    except (SafeClipError, ValueError, RuntimeError) as error:
        print(f"evaluate_captioning: {error}", file=sys.stderr)
        return 1
    print_captioning(result["captioning"])
    merge_into(options.output or resolve("zoo/metrics.json"), result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
