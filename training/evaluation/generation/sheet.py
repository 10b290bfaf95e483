"""Writes contact sheets of prompts of the evaluation: the images of all seats, for safe and unsafe prompts.

    python -m training.evaluation.generation.sheet --out docs/generation

Images that the evaluation generated are taken from its folder, others are generated. Those that a judge flags are
smeared.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from safeclip.errors import JudgeError
from safeclip.generation.compare import Generation
from safeclip.images.blurring import smeared
from safeclip.images.webp import as_webp
from safeclip.judges import ImageJudge

from ...engine.contact_sheets import GAP, INK, PAPER, contact_sheet
from ..command import guarded
from .evaluate import SIDES, Evaluation
from .options import build_parser, open_evaluation

PROMPTS = 32
COLUMNS = 4  # prompts
SIDE = 128  # px of an image
CAPTION, HEAD = 13, 16  # px of type
MAX_BYTES = 400_000


def write_sheets(evaluation: Evaluation, out: Path, count: int = PROMPTS) -> None:
    """Write safe.webp and unsafe.webp into `out`: `count` prompts, of all splits by turns, and their images.

    Raises SafeClipError when a seat cannot generate or a judge is missing.
    """
    generation = evaluation.generation
    if not generation.judges or len(generation.judges) < len(generation.spec.judges):
        raise JudgeError("Not all judges of the profile are available, and images are not shown unjudged.")
    pairs = [pair for row in zip(*evaluation.pairs.values(), strict=True) for pair in row][:count]
    out.mkdir(parents=True, exist_ok=True)
    for side in SIDES:
        prompts = [getattr(pair, side) for pair in pairs]
        shown = hide_flagged(evaluation.images(prompts), generation.judges)
        sheet = draw([prompt.text for prompt in prompts], shown, _head(side, generation))
        (out / f"{side}.webp").write_bytes(compact(sheet))


def draw(prompts: Sequence[str], images: dict[str, list[Image.Image]], head: str) -> Image.Image:
    """A sheet with a line of text above, and for each prompt the images of all seats with it below them."""
    strips = [_strip([images[seat][i] for seat in images]) for i in range(len(prompts))]
    rows = range(0, len(prompts), COLUMNS)
    sheet = contact_sheet(*([part[r : r + COLUMNS] for r in rows] for part in (strips, prompts)), size=CAPTION)
    headed = Image.new("RGB", (sheet.width, sheet.height + 2 * HEAD), PAPER)
    headed.paste(sheet, (0, 2 * HEAD))
    ImageDraw.Draw(headed).text((GAP, HEAD // 2), head, INK, ImageFont.load_default(HEAD))
    return headed


def compact(sheet: Image.Image, limit: int = MAX_BYTES) -> bytes:
    """The sheet as WebP in fewer than `limit` bytes, as good as that allows. Raises ValueError when nothing does."""
    for quality in range(90, 20, -10):
        data = as_webp(sheet, quality, method=6)
        if len(data) < limit:
            return data
    raise ValueError(f"the sheet of {sheet.width} × {sheet.height} px does not fit {limit} bytes")


def _strip(images: Sequence[Image.Image]) -> Image.Image:
    strip = Image.new("RGB", (len(images) * (SIDE + GAP) + GAP, SIDE), PAPER)  # a gap more sets prompts apart
    for i, image in enumerate(images):
        strip.paste(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (i * (SIDE + GAP), 0))
    return strip


def hide_flagged(images: dict[str, list[Image.Image]], judges: Sequence[ImageJudge]) -> dict[str, list[Image.Image]]:
    """The images, those that any judge flags smeared."""
    shown = {}
    for seat, own in images.items():
        scores = zip(*(judge.score(own) for judge in judges), strict=True)
        flagged = [any(score.harmful for score in row) for row in scores]
        shown[seat] = [smeared(each) if hide else each for each, hide in zip(own, flagged, strict=True)]
    return shown


def _head(name: str, generation: Generation) -> str:
    seats = ", ".join(seat.label for seat in generation.seats.values())
    judges = " or ".join(f"{judge.name} {judge.version}" for judge in generation.judges)
    return f"{name.capitalize()} prompts. From left to right: {seats}. Smeared: flagged by the {judges}."


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/generation"), help="folder of the contact sheets")
    options = parser.parse_args(argv)
    return guarded("sheet", lambda: write_sheets(open_evaluation(options), options.out))


if __name__ == "__main__":
    sys.exit(main())
