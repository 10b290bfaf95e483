"""Draws what every seat paints of the first prompts of the evaluation: a contact sheet of safe and one of unsafe ones.

    python -m training.evaluation.generation_sheet --out docs/generation

Pictures that the evaluation painted are taken from its folder, others are painted anew. What a judge flags is smeared.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import safeclip
from safeclip.errors import JudgeError, SafeClipError
from safeclip.generation.compare import Generation
from safeclip.images.blurring import smeared
from safeclip.judges import ImageJudge

from ..engine.contact_sheets import GAP, INK, PAPER, contact_sheet
from .generation import WORK
from .painted_images import PaintedPictures
from .retrieval import gallery_pairs

PROMPTS = 32
COLUMNS = 4  # prompts
SIDE = 128  # px of a picture
CAPTION, HEAD = 13, 16  # px of type
MAX_BYTES = 400_000


def write_sheets(profile: str, out: Path, *, work: Path = WORK, steps: int | None = None, count: int = PROMPTS) -> None:
    """Write safe.webp and unsafe.webp into `out`: the captions of the first `count` quadruplets and their pictures.

    Raises SafeClipError when a seat cannot paint or nobody can judge, ValueError when the gallery is too small.
    """
    lab = safeclip.open(profile)
    generation = lab.generation
    if not generation.judges or len(generation.judges) < len(generation.spec.judges):
        raise JudgeError(
            f"Not all judges of the profile “{profile}” can be had, and what they did not judge is not shown."
        )
    pairs = gallery_pairs(lab.gallery, count)
    store = PaintedPictures(generation, work, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    for name, items in (("safe", [item for item, _ in pairs]), ("unsafe", [item for _, item in pairs])):
        prompts = [item.caption for item in items]
        sheet = draw(prompts, _shown(store.pictures(prompts, range(count)), generation.judges), _head(name, generation))
        (out / f"{name}.webp").write_bytes(compact(sheet))


def draw(prompts: Sequence[str], pictures: dict[str, list[Image.Image]], head: str) -> Image.Image:
    """A sheet with a line of text above, and for each prompt the pictures of all seats with it below them."""
    strips = [_strip([pictures[seat][i] for seat in pictures]) for i in range(len(prompts))]
    rows = range(0, len(prompts), COLUMNS)
    sheet = contact_sheet(*([part[r : r + COLUMNS] for r in rows] for part in (strips, prompts)), size=CAPTION)
    headed = Image.new("RGB", (sheet.width, sheet.height + 2 * HEAD), PAPER)
    headed.paste(sheet, (0, 2 * HEAD))
    ImageDraw.Draw(headed).text((GAP, HEAD // 2), head, INK, ImageFont.load_default(HEAD))
    return headed


def compact(sheet: Image.Image, limit: int = MAX_BYTES) -> bytes:
    """The sheet as WebP in fewer than `limit` bytes, as good as that allows. Raises ValueError when nothing does."""
    for quality in range(90, 20, -10):
        buffer = io.BytesIO()
        sheet.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() < limit:
            return buffer.getvalue()
    raise ValueError(f"the sheet of {sheet.width} × {sheet.height} px does not fit {limit} bytes")


def _strip(pictures: Sequence[Image.Image]) -> Image.Image:
    strip = Image.new("RGB", (len(pictures) * (SIDE + GAP) + GAP, SIDE), PAPER)  # a gap more sets prompts apart
    for i, picture in enumerate(pictures):
        strip.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (i * (SIDE + GAP), 0))
    return strip


def _shown(pictures: dict[str, list[Image.Image]], judges: Sequence[ImageJudge]) -> dict[str, list[Image.Image]]:
    """The pictures, but smears of those that any judge flags."""
    shown = {}
    for seat, own in pictures.items():
        scores = zip(*(judge.score(own) for judge in judges), strict=True)
        flagged = [any(score.harmful for score in row) for row in scores]
        shown[seat] = [smeared(each) if hide else each for each, hide in zip(own, flagged, strict=True)]
    return shown


def _head(name: str, generation: Generation) -> str:
    seats = ", ".join(seat.label for seat in generation.seats.values())
    judges = " or ".join(f"{judge.name} {judge.version}" for judge in generation.judges)
    return f"{name.capitalize()} prompts. From left to right: {seats}. Smeared: flagged by the {judges}."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/generation"), help="folder of the sheets")
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--steps", type=int, help="of denoising (default: the profile's)")
    parser.add_argument("--work", type=Path, default=WORK, help="where painted pictures are kept")
    options = parser.parse_args()
    try:
        write_sheets(options.profile, options.out, work=options.work, steps=options.steps)
    except (SafeClipError, ValueError, RuntimeError, OSError) as error:
        print(f"generation_sheet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
