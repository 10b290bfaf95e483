"""Draws a contact sheet of quadruplets, a row a category: safe and unsafe twins side by side with their captions.

python -m training.data.emoji.preview --out runs/preview.png
"""

import argparse
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .rendering.artwork import STYLES
from .rendering.renderer import SceneRenderer
from .world.concepts import CATEGORIES
from .world.dataset import EmojiWorld, Quadruplet

PICTURE = 192  # px
CAPTION = 46
GAP = 10
HEADING = 28
PAPER, INK, MUTED = "#ffffff", "#1c2030", "#5b6275"


def pick(world: EmojiWorld, category: str, count: int) -> list[Quadruplet]:
    """The first `count` quadruplets of a category."""
    picked, index = [], 0
    while len(picked) < count:
        quadruplet = world.quadruplet(index)
        if quadruplet.category == category:
            picked.append(quadruplet)
        index += 1
    return picked


def contact_sheet(world: EmojiWorld, painter: SceneRenderer, columns: int) -> Image.Image:
    """A picture with `columns` quadruplets for each category."""
    pair = 2 * PICTURE + GAP
    row = HEADING + PICTURE + CAPTION
    sheet = Image.new("RGB", (GAP + columns * (pair + 2 * GAP), GAP + len(CATEGORIES) * (row + GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    heading, small = ImageFont.load_default(18), ImageFont.load_default(12)
    for line, category in enumerate(CATEGORIES):
        top = GAP + line * (row + GAP)
        draw.text((GAP, top), category, INK, heading)
        for column, quadruplet in enumerate(pick(world, category, columns)):
            left = GAP + column * (pair + 2 * GAP)
            sides = ((quadruplet.safe, quadruplet.safe_text), (quadruplet.unsafe, quadruplet.unsafe_text))
            for side, (scene, text) in enumerate(sides):
                x, y = left + side * (PICTURE + GAP), top + HEADING
                sheet.paste(painter.paint(scene), (x, y))
                draw.multiline_text((x, y + PICTURE + 4), "\n".join(textwrap.wrap(text, 30)[:3]), MUTED, small)
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="picture file to write")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--split", default="train", choices=("train", "validation", "test"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=3, help="quadruplets a category")
    parser.add_argument("--styles", nargs="+", default=["noto", "fluent", "twemoji"], choices=sorted(STYLES))
    options = parser.parse_args()
    world = EmojiWorld(options.split, options.seed, styles=options.styles)
    painter = SceneRenderer.open(options.artwork, world.world, PICTURE)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(world, painter, options.columns).save(options.out)


if __name__ == "__main__":
    main()
