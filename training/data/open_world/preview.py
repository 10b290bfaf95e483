"""Draws contact sheets of scenes with their captions, to look at.

python -m training.data.open_world.preview --kind quadruplets --out runs/preview.png
python -m training.data.open_world.preview --kind pairs --split seen --phase test --out runs/preview.png
"""

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .items import OpenWorld
from .rendering.renderer import SceneRenderer
from .scenes.scene import Scene
from .splits import PHASES, SPLITS, TRAIN

KINDS = ("pairs", "neutral", "quadruplets", "concept", "verb", "context", "siblings")
CAPTION, GAP = 44, 6  # px
PAPER, SAFE_INK, UNSAFE_INK = "#ffffff", "#1c2030", "#b3261e"


def drawn(world: OpenWorld, kind: str, first: int, count: int) -> list[tuple[Scene, str, bool]]:
    """Scenes of a kind with their captions and whether they are unsafe; of quadruplets both sides in turn."""
    if kind in ("pairs", "neutral"):
        items = [(world.pair if kind == "pairs" else world.neutral)(index) for index in range(first, first + count)]
        return [(item.scene, item.caption.text, item.verdict.unsafe) for item in items]
    found: list[tuple[Scene, str, bool]] = []
    index = first
    while len(found) < count:
        quadruplet = world.sibling(index) if kind == "siblings" else world.quadruplet(index)
        if kind in ("quadruplets", "siblings", quadruplet.kind):
            found += [(quadruplet.safe, quadruplet.safe_caption.text, False)]
            found += [(quadruplet.unsafe, quadruplet.unsafe_caption.text, quadruplet.verdict.unsafe)]
        index += 1
    return found


def contact_sheet(
    painter: SceneRenderer, scenes: Sequence[tuple[Scene, str, bool]], columns: int, side: int
) -> Image.Image:
    """A picture of all scenes in rows, each with its caption below, unsafe ones in red."""
    rows = -(-len(scenes) // columns)
    sheet = Image.new("RGB", (columns * (side + GAP), rows * (side + CAPTION)), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (scene, text, unsafe) in enumerate(scenes):
        x, y = number % columns * (side + GAP), number // columns * (side + CAPTION)
        sheet.paste(painter.paint(scene).resize((side, side), Image.Resampling.NEAREST), (x, y))
        lines = "\n".join(textwrap.wrap(text, max(12, side // 6))[:3])
        draw.multiline_text((x + 2, y + side + 1), lines, UNSAFE_INK if unsafe else SAFE_INK, font, spacing=1)
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="picture file to write")
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--kind", default="quadruplets", choices=KINDS)
    parser.add_argument("--split", default=TRAIN, choices=(TRAIN, *SPLITS))
    parser.add_argument("--phase", default=TRAIN, choices=PHASES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first item")
    parser.add_argument("--count", type=int, default=60, help="pictures")
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--size", type=int, default=128, help="px that a scene is rendered at")
    parser.add_argument("--side", type=int, default=140, help="px that it takes on the sheet")
    options = parser.parse_args()
    world = OpenWorld(options.split, options.phase, options.seed)
    painter = SceneRenderer.open(options.artwork, options.size)
    scenes = drawn(world, options.kind, options.first, options.count)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(painter, scenes, options.columns, options.side).save(options.out)


if __name__ == "__main__":
    main()
