"""Writes sheets of paintings to be labelled by looking at them, and enters the labels.

    python -m training.evaluation.generation.label_sheets unsafe --number 1 --out runs/labels
    python -m training.evaluation.generation.label_sheets unsafe --number 1 --enter runs/labels/marks.txt

`unsafe` are 300 of the evaluation's paintings, balanced over seats, splits, and safe and unsafe prompts; a sheet tells
nothing but the number of a cell. `recognised` are 60 of the first seat, each with the subject and the object that were
asked for. Every pass has an order of its own.

Marks are a line for each sheet. Of `unsafe` it names the cells that show something unsafe, and with "?" those that are
unclear: "3: 4 17 ?20". Of `recognised` it names the subjects and objects that cannot be recognised: "3: s4 o4 o17".
"""

import random
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from ...engine.contact_sheets import contact_sheet, write_sheet
from ..command import guarded
from . import labels
from .evaluate import SIDES, Evaluation
from .options import build_parser, open_evaluation
from .prompts import SPLITS, Prompt

PAINTINGS, RECOGNISED = 300, 60
COLUMNS, ROWS = 6, 5
SIDE = 216  # px of a painting, enlarged
TYPE = 13  # px
What = Literal["unsafe", "recognised"]
ASKED: dict[str, tuple[str, ...]] = {"unsafe": ("unsafe",), "recognised": ("subject", "object")}
FILES = {"unsafe": labels.UNSAFE, "recognised": labels.RECOGNISED}


@dataclass(frozen=True)
class Chosen:
    """One painting to be labelled: its name in the store, what made it, and what stands below it on a sheet."""

    name: str
    seat: str
    prompt: Prompt
    line: str = ""


def unsafe_paintings(evaluation: Evaluation, count: int = PAINTINGS) -> list[Chosen]:
    """`count` paintings, or all, equally many of each seat, split, and kind of prompt, drawn by a fixed seed."""
    rng = random.Random("labels/unsafe")
    groups = [
        [_chosen(evaluation, seat, getattr(pair, side)) for pair in evaluation.pairs[split]]
        for side in SIDES[::-1]
        for split in SPLITS
        for seat in evaluation.seats
    ]
    sizes = [count // len(groups) + (i < count % len(groups)) for i in range(len(groups))]
    return [
        each for group, size in zip(groups, sizes, strict=True) for each in rng.sample(group, min(size, len(group)))
    ]


def recognised_paintings(evaluation: Evaluation, count: int = RECOGNISED) -> list[Chosen]:
    """`count` paintings of a being with a thing, each with another thing, drawn by a fixed seed."""
    tasks = [task for task in evaluation.tasks if task.prompt.asked("subject") and task.prompt.asked("object")]
    by_thing = {task.concept: task for task in tasks}  # the last one of each
    drawn = random.Random("labels/recognised").sample(sorted(by_thing), min(count, len(by_thing)))
    prompts = [by_thing[name].prompt for name in drawn]
    return [
        _chosen(evaluation, evaluation.seats[0], prompt, f"{prompt.asked('subject')} / {prompt.asked('object')}")
        for prompt in prompts
    ]


def _chosen(evaluation: Evaluation, seat: str, prompt: Prompt, line: str = "") -> Chosen:
    return Chosen(evaluation.store.name(seat, prompt.text, prompt.seed), seat, prompt, line)


def sheets_of(chosen: Sequence[Chosen], what: What, number: int) -> list[list[Chosen]]:
    """The paintings of each sheet in the order of a pass."""
    order = sorted(chosen, key=lambda each: each.name)
    random.Random(f"labels/{what}/{number}").shuffle(order)
    cells = COLUMNS * ROWS
    return [order[start : start + cells] for start in range(0, len(order), cells)]


def draw(chosen: Sequence[Chosen], images: Mapping[str, Image.Image]) -> Image.Image:
    """One sheet: the paintings enlarged, below each the number of its cell, and its line; `images` are by name."""
    enlarged = [images[each.name].resize((SIDE, SIDE), Image.Resampling.LANCZOS) for each in chosen]
    lines = [f"{cell}  {each.line}" for cell, each in enumerate(chosen, start=1)]
    rows = range(0, len(chosen), COLUMNS)
    return contact_sheet(*([part[r : r + COLUMNS] for r in rows] for part in (enlarged, lines)), size=TYPE)


def write_sheets(evaluation: Evaluation, what: What, number: int, out: Path) -> None:
    """Writes the sheets of a pass into `out`; images that are not in the store are generated."""
    for place, sheet in enumerate(sheets_of(_paintings(evaluation, what), what, number), start=1):
        write_sheet(out / f"{what}-{number}-{place:02}.png", draw(sheet, _images(evaluation, sheet)))


def enter_marks(evaluation: Evaluation, what: What, number: int, marks: str) -> None:
    """Enters the marks of a pass into the table of labels. Raises ValueError unless each sheet has a line."""
    sheets = sheets_of(_paintings(evaluation, what), what, number)
    lines = dict(re.findall(r"^(\d+):(.*)$", marks, re.MULTILINE))
    if missing := [place for place in range(1, len(sheets) + 1) if str(place) not in lines]:
        raise ValueError(f"the marks lack a line for the sheets {', '.join(map(str, missing))}")
    columns = [labels.column_of(kind, each) for kind in ASKED[what] for each in labels.PASSES]
    for kind in ASKED[what]:
        answers = {
            each.name: answer
            for place, sheet in enumerate(sheets, start=1)
            for each, answer in zip(sheet, _answers(lines[str(place)], len(sheet), what, kind), strict=True)
        }
        labels.enter(FILES[what], labels.column_of(kind, number), answers, columns)


def _answers(line: str, cells: int, what: What, kind: str) -> list[str]:
    """The answers of one sheet's line, by cell. Raises ValueError for a mark that is none."""
    answers = [labels.NO if what == "unsafe" else labels.YES] * cells
    for mark in line.split():
        found = re.fullmatch(r"(\??)(\d+)" if what == "unsafe" else r"([so])(\d+)", mark)
        if not found or not 1 <= int(found[2]) <= cells:
            raise ValueError(f"“{mark}” is no mark of a sheet of {cells} cells")
        if what == "unsafe":
            answers[int(found[2]) - 1] = labels.UNCLEAR if found[1] else labels.YES
        elif kind.startswith(found[1]):
            answers[int(found[2]) - 1] = labels.NO
    return answers


def _paintings(evaluation: Evaluation, what: What) -> list[Chosen]:
    return unsafe_paintings(evaluation) if what == "unsafe" else recognised_paintings(evaluation)


def _images(evaluation: Evaluation, sheet: Sequence[Chosen]) -> dict[str, Image.Image]:
    """Name → image. The seats of one prompt are generated one by one: a sheet has few prompts with several."""
    images: dict[str, Image.Image] = {}
    for seat in dict.fromkeys(each.seat for each in sheet):
        own = [each for each in sheet if each.seat == seat]
        found = evaluation.images([each.prompt for each in own], [seat])[seat]
        images.update(zip((each.name for each in own), found, strict=True))
    return images


def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser(__doc__)
    parser.add_argument("what", choices=list(ASKED))
    parser.add_argument("--number", type=int, choices=labels.PASSES, required=True, help="of the pass")
    parser.add_argument("--out", type=Path, default=Path("runs/labels"), help="folder of the sheets")
    parser.add_argument("--enter", type=Path, metavar="MARKS", help="enter these marks, and write no sheets")
    options = parser.parse_args(argv)

    def action() -> None:
        evaluation = open_evaluation(options)
        if options.enter:
            enter_marks(evaluation, options.what, options.number, options.enter.read_text(encoding="utf-8"))
        else:
            write_sheets(evaluation, options.what, options.number, options.out)

    return guarded("label_sheets", action)


if __name__ == "__main__":
    sys.exit(main())
