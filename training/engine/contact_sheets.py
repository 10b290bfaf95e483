"""Contact sheets: rows of images in one PNG, to look at while a model trains."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

GAP = 4  # px
TYPE = 9  # px
INK, PAPER = "#1c2030", "#ffffff"


def contact_sheet(
    rows: Sequence[Sequence[Image.Image]], captions: Sequence[Sequence[str]] = (), *, size: int = TYPE
) -> Image.Image:
    """Images of one size in rows; `captions`, when given, has a text for each: two lines of type of `size` px."""
    width, height = rows[0][0].size
    line = height + GAP + (3 * size - 1 if captions else 0)
    sheet = Image.new("RGB", (max(map(len, rows)) * (width + GAP) + GAP, len(rows) * line + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for r, images in enumerate(rows):
        for c, image in enumerate(images):
            corner = (GAP + c * (width + GAP), GAP + r * line)
            sheet.paste(image, corner)
            if captions:
                text = _wrapped(captions[r][c], width * TYPE // (5 * size))
                draw.multiline_text((corner[0], corner[1] + height), text, INK, font, spacing=1)
    return sheet


def write_sheet(path: Path, sheet: Image.Image) -> None:
    """Saves a contact sheet, making its folder when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _wrapped(text: str, columns: int) -> str:
    return "\n".join(textwrap.wrap(text, columns)[:2])
