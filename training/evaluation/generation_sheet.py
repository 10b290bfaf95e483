"""Writes contact sheets of the first prompts of the evaluation: the images of all seats, for safe and unsafe prompts.

    python -m training.evaluation.generation_sheet --out docs/generation

Images that the evaluation generated are taken from its folder, others are generated. Those that a judge flags are
smeared.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import safeclip
from safeclip.errors import JudgeError
from safeclip.generation.compare import Generation
from safeclip.images.blurring import smeared
from safeclip.judges import ImageJudge

from ..engine.contact_sheets import GAP, INK, PAPER, contact_sheet
from .command import guarded
from .generation import WORK
from .image_store import GeneratedImageStore
from .quadruplets import gallery_pairs

PROMPTS = 32
COLUMNS = 4  # prompts
SIDE = 128  # px of an image
CAPTION, HEAD = 13, 16  # px of type
MAX_BYTES = 400_000


def write_sheets(profile: str, out: Path, *, work: Path = WORK, steps: int | None = None, count: int = PROMPTS) -> None:
    """Write safe.webp and unsafe.webp into `out`: the captions of the first `count` quadruplets and their images.

    Raises SafeClipError when a seat cannot generate or a judge is missing, ValueError when the gallery is too small.
    """
    lab = safeclip.open(profile)
    generation = lab.generation
    if not generation.judges or len(generation.judges) < len(generation.spec.judges):
        raise JudgeError(f"Not all judges of the profile “{profile}” are available, and images are not shown unjudged.")
    pairs = gallery_pairs(lab.gallery, count)
    store = GeneratedImageStore(generation, work, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    for name, items in (("safe", [item for item, _ in pairs]), ("unsafe", [item for _, item in pairs])):
        prompts = [item.caption for item in items]
        sheet = draw(
            prompts, hide_flagged(store.images(prompts, range(count)), generation.judges), _head(name, generation)
        )
        (out / f"{name}.webp").write_bytes(compact(sheet))


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
        buffer = io.BytesIO()
        sheet.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() < limit:
            return buffer.getvalue()
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/generation"), help="folder of the contact sheets")
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--steps", type=int, help="of denoising (default: the profile's)")
    parser.add_argument("--work", type=Path, default=WORK, help="where generated images are kept")
    options = parser.parse_args(argv)
    return guarded(
        "generation_sheet",
        lambda: write_sheets(options.profile, options.out, work=options.work, steps=options.steps),
    )


if __name__ == "__main__":
    sys.exit(main())
