"""`safeclip-train compare`: trains every objective with one small budget and three seeds, and tables what each reached.

    safeclip-train compare --out runs/objectives

The world is the closed one, `data.emoji`, whose CLIP the recipe clip trains: `safeclip-train clip --out runs/clip`.
Every row is a recipe of this package; its learning rate, adapter and weights stay, its length does not. Each run is one
JSON file in rows/ of --out; given again, the command goes on where it was stopped. All of them go to objectives.json.
"""

import argparse
from collections.abc import Sequence

from ..engine.options import RunOptions, from_one
from ..evaluation.command import guarded
from .measure import ORIGINAL, Comparison
from .records import all_records, rows_parser
from .report import content
from .rows import ROWS, Budget

PROGRAM = "safeclip-train compare"
RESULT = "objectives.json"
CHECKPOINT = "runs/clip/model"  # the CLIP of the closed world, which the recipe clip trains


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    budget = Budget()
    parser = rows_parser(program, __doc__, [ORIGINAL, *ROWS], seeds=[1, 2, 3], checkpoint=CHECKPOINT)
    parser.add_argument("--train", type=from_one, default=budget.train, help="quadruplets to train on")
    parser.add_argument("--validation", type=from_one, default=budget.validation, help="quadruplets to measure with")
    parser.add_argument(
        "--epochs", type=from_one, default=budget.epochs, help="passes over these quadruplets (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=from_one, default=budget.batch_size, help="quadruplets a step (default: %(default)s)"
    )
    return parser


def compare(options: argparse.Namespace) -> list[dict]:
    """The records of all rows and seeds; those that are not there yet are trained. Writes them to RESULT."""
    budget = Budget(options.train, options.validation, options.epochs, options.batch_size)
    run = RunOptions(options.out, artwork=options.artwork, workers=options.workers, device=options.device)
    comparison = Comparison(budget, options.checkpoint, run)
    runs = ((row, seed) for row in options.rows for seed in options.seeds)
    return all_records(options.out / RESULT, runs, comparison.record)


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)
    return guarded(program, lambda: print(content(compare(options))))
