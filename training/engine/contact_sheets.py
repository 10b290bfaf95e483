"""Contact sheets: rows of pictures in one PNG, to look at while a model trains."""

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
    """Pictures of one size in rows; `captions`, when given, has a text for each: two lines of type of `size` px."""
    width, height = rows[0][0].size
    line = height + GAP + (3 * size - 1 if captions else 0)
    sheet = Image.new("RGB", (max(map(len, rows)) * (width + GAP) + GAP, len(rows) * line + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for r, pictures in enumerate(rows):
        for c, picture in enumerate(pictures):
            corner = (GAP + c * (width + GAP), GAP + r * line)
            sheet.paste(picture, corner)
            if captions:
                text = _wrapped(captions[r][c], width * TYPE // (5 * size))
                draw.multiline_text((corner[0], corner[1] + height), text, INK, font, spacing=1)
    return sheet


def write_sheet(path: Path, sheet: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _wrapped(text: str, columns: int) -> str:
    return "\n".join(textwrap.wrap(text, columns)[:2])
