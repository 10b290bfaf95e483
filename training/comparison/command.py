"""`safeclip-train compare`: trains every objective with one small budget and three seeds, and tables what each reached.

    safeclip-train compare --out runs/objectives

Every row is a recipe of this package; its learning rate, adapter and weights stay, its length does not. Each run is one
JSON file in rows/ of --out; given again, the command goes on where it was stopped. All of them go to objectives.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from safeclip.runtime.atomic_files import write_atomically

from ..engine.options import RunOptions, from_one
from ..evaluation.command import guarded
from .measure import ORIGINAL, Comparison
from .report import content
from .rows import ROWS, Budget

PROGRAM = "safeclip-train compare"
RESULT = "objectives.json"


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    budget = Budget()
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--rows", nargs="+", choices=[ORIGINAL, *ROWS], default=[ORIGINAL, *ROWS], metavar="ROW")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--checkpoint", default="zoo/clip", help="CLIP that all start from")
    parser.add_argument("--train", type=from_one, default=budget.train, help="quadruplets to train on")
    parser.add_argument("--validation", type=from_one, default=budget.validation, help="quadruplets to measure with")
    parser.add_argument("--epochs", type=from_one, default=budget.epochs)
    parser.add_argument("--batch-size", type=from_one, default=budget.batch_size)
    parser.add_argument("--artwork", type=Path, default=Path("runs/artwork"), help="where the emoji artwork is kept")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare batches")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def compare(options: argparse.Namespace) -> list[dict]:
    """The records of all rows and seeds; those that are not there yet are trained. Writes them to RESULT."""
    budget = Budget(options.train, options.validation, options.epochs, options.batch_size)
    run = RunOptions(options.out, artwork=options.artwork, workers=options.workers, device=options.device)
    comparison = Comparison(budget, options.checkpoint, run)
    records = []
    for row in options.rows:
        for seed in options.seeds:
            print(f"{row}, seed {seed}", file=sys.stderr, flush=True)
            records.append(comparison.record(row, seed))
    write_atomically(options.out / RESULT, (json.dumps(records, indent=1) + "\n").encode())
    return records


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)
    return guarded(program, lambda: print(content(compare(options))))
